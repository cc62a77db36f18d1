"""A real mail server (aiosmtpd) that can be told to misbehave. Takes its settings as JSON in its only argument and
prints one JSON object a line: its port first, then every step of every connection, and every mail as Python's own
e-mail package reads it. Ends when its standard input does.

Settings: `tls` ("none", "starttls", "on") with `cert` and `key`; `name` and `pwd` of the only user; `utf8`; `script`,
what to do at each step ("greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "rset"): a list
whose first entry is used up each time. "ok" goes on, "hang" says nothing for ever, "close" hangs up, "together 4"
goes on once four connections are here, and everything else is a reply: "450 later", or "421 bye; close".
"""

import asyncio
import email
import email.policy
import json
import logging
import os
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# That a password may cross loopback unencrypted is known.
warnings.simplefilter("ignore")
logging.disable()

SETTINGS = json.loads(sys.argv[1])
SCRIPT = SETTINGS.get("script", {})
GATHERED = []


def say(**event):
    print(json.dumps(event), flush=True)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        reply = await server.act("content", "", as_reply=True)
        if reply is not None:
            return reply
        say(step="mail received", **describe(envelope))
        return "250 2.0.0 taken as 17"


class Server(SMTP):
    async def act(self, step, argument, as_reply=False):
        """None to go on, True when there is nothing left to do."""
        say(step=step, argument=argument or "", tls=self.transport.get_extra_info("sslcontext") is not None)
        actions = SCRIPT.get(step) or ["ok"]
        action = actions.pop(0) if len(actions) > 0 else "ok"
        if action == "ok":
            return None
        if action == "hang":
            say(step="hanging")
            await asyncio.sleep(3600)
        if action.startswith("together"):
            here = asyncio.Event()
            GATHERED.append(here)
            if len(GATHERED) == int(action.split()[1]):
                for one in GATHERED:
                    one.set()
            await here.wait()
            return None
        text, _, then = action.partition("; ")
        closes = action == "close" or then == "close"
        if as_reply and not closes:
            return text
        if action != "close":
            await self.push(text)
            await self._writer.drain()
        if closes:
            self.transport.close()
            await asyncio.sleep(3600)
        return True

    async def _handle_client(self):
        if await self.act("greeting", ""):
            await asyncio.sleep(3600)
        await super()._handle_client()

    def eof_received(self):
        super().eof_received()
        return False

    def connection_lost(self, error):
        say(step="closed")
        super().connection_lost(error)


def scripted(step):
    command = "smtp_" + step.upper()
    real = getattr(SMTP, command)

    async def method(self, argument):
        if await self.act(step, argument) is None:
            await real(self, argument)

    for name, value in vars(real).items():
        setattr(method, name, value)
    setattr(Server, command, method)


for STEP in ("ehlo", "starttls", "auth", "mail", "rcpt", "data", "rset", "quit"):
    scripted(STEP)


def describe(envelope):
    message = email.message_from_string(envelope.content.decode("utf-8"), policy=email.policy.SMTPUTF8)
    headers = [[name, str(value)] for name, value in message.items()]
    people = {
        name.lower(): [[a.display_name, a.addr_spec] for a in message[name].addresses]
        for name in ("From", "To", "Cc", "Reply-To")
        if message[name] is not None
    }
    parts = [
        [part.get_content_type(), part.get_content()]
        for part in message.walk()
        if not part.is_multipart()
    ]
    lines = envelope.original_content.split(b"\r\n")
    return {
        "sender": envelope.mail_from,
        "recipients": envelope.rcpt_tos,
        "options": envelope.mail_options,
        "headers": headers,
        "people": people,
        "defects": [str(defect) for defect in message.defects],
        "type": message.get_content_type(),
        "date": message["Date"].datetime.timestamp(),
        "parts": parts,
        "longest": max(len(line) for line in lines),
        "bare": any(b"\r" in line or b"\n" in line for line in lines),
        "ascii": envelope.original_content.isascii(),
        "raw": envelope.original_content.decode("utf-8", "replace"),
    }


def authenticate(server, session, envelope, mechanism, data):
    wanted = (SETTINGS.get("name", "").encode(), SETTINGS.get("pwd", "").encode())
    return AuthResult(success=(data.login, data.password) == wanted, handled=False)


async def main():
    context = None
    if SETTINGS.get("tls", "none") != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(SETTINGS["cert"], SETTINGS["key"])
    starttls = SETTINGS.get("tls") == "starttls"

    def connection():
        return Server(
            Handler(),
            hostname="mail.test",
            enable_SMTPUTF8=SETTINGS.get("utf8", False),
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required="name" in SETTINGS,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    port = SETTINGS.get("port", 0)
    server = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", port, ssl=None if starttls else context
    )
    say(step="listening", port=server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Connections that hang wouldn't let it end.
    os._exit(0)


asyncio.run(main())
