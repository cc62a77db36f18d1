"""A client made with the library `websockets`: submits so many tasks of the kind given, and checks every answer.

usage: ws_client.py URL TOKEN COUNT TASK-JSON
"""
import asyncio
import base64
import json
import sys

import websockets


async def main(url, token, count, task):
    encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    protocols = ["poulpe", "token." + encoded]
    async with websockets.connect(url, subprotocols=protocols) as socket:
        assert socket.subprotocol == "poulpe", socket.subprotocol
        await socket.ping()
        for number in range(count):
            await socket.send(json.dumps(dict(task, id=f"py-{number}")))
        accepted, ended = [], []
        while len(ended) < count:
            told = json.loads(await socket.recv())
            assert told["result"] == "OK" and told["request_id"] == told["id"], told
            if "finished_at" in told:
                assert told["id"] in accepted, "a result before its acknowledgement"
                ended.append(told["id"])
            else:
                assert told["reason"] == "accepted", told
                accepted.append(told["id"])
        names = [f"py-{number}" for number in range(count)]
        assert accepted == names, "acknowledgements out of order"
        assert sorted(ended) == sorted(names)
    assert socket.close_code == 1000, socket.close_code
    async with websockets.connect(url, subprotocols=protocols) as socket:
        await socket.send(b"{}")
        try:
            await socket.recv()
        except websockets.ConnectionClosedError as closed:
            assert closed.code == 1003, closed
        else:
            raise AssertionError("a binary message was taken")


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])))
