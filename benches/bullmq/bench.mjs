// poulpe beside BullMQ on one redis-server. See README.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const JOBS = Number(process.env.JOBS ?? 20_000);
const POULPE = process.env.POULPE ?? fileURLToPath(new URL('../../target/release/poulpe', import.meta.url));
const CALLERS = 64;
const BATCH = 100;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function reachable(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (connected) return;
    await sleep(20);
  }
}

// Answers every request at once and counts them. Requests of GET have no body, so each ends at an empty line.
function sink() {
  const counted = { requests: 0 };
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
  const server = net.createServer((socket) => {
    let rest = '';
    socket.on('data', (data) => {
      const parts = (rest + data.toString('latin1')).split('\r\n\r\n');
      rest = parts.pop();
      counted.requests += parts.length;
      socket.write(answer.repeat(parts.length));
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  return { server, counted };
}

// A connection on which one request is under way at a time.
async function connection(port) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let text = '';
  let answered;
  socket.on('data', (data) => {
    text += data.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (head < 0 || text.length < head + 4 + length) return;
    const status = text.slice(9, 12);
    text = '';
    answered(status);
  });
  return {
    async post(body) {
      const status = new Promise((resolve) => { answered = resolve; });
      socket.write(`POST /task_in_queue HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      if ((await status) !== '200') throw new Error(`poulpe answered ${await status}`);
    },
    end: () => socket.destroy(),
  };
}

// Does something for all numbers below a count, by all callers at once; how many a second.
async function rate(count, once) {
  const begin = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: CALLERS }, async (_, caller) => {
    while (next < count) await once(next++, caller);
  }));
  return perSecond(count, begin);
}

const perSecond = (count, begin) => count / (performance.now() - begin) * 1000;
const data = 'x'.repeat(100);

async function bullmq(redis) {
  const client = () => new Redis({ host: '127.0.0.1', port: redis, maxRetriesPerRequest: null });
  const connection = client();
  const options = { removeOnComplete: { count: 1_000 } };
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  const single = await rate(JOBS, () => queue.add('noop', { data }, options));
  const begin = performance.now();
  for (let from = 0; from < JOBS; from += BATCH) {
    await queue.addBulk(Array.from({ length: BATCH }, () => ({ name: 'noop', data: { data }, opts: options })));
  }
  const batched = perSecond(JOBS, begin);
  let done = 0;
  const forWorker = client();
  const worker = new Worker('bench', async () => { done += 1; }, { connection: forWorker, concurrency: CALLERS, autorun: false });
  await worker.waitUntilReady();
  const drain = performance.now();
  worker.run();
  while (done < 2 * JOBS) await sleep(2);
  const drained = perSecond(2 * JOBS, drain);
  await worker.close();
  await queue.close();
  connection.disconnect();
  forWorker.disconnect();
  return { single, batched, drained };
}

async function poulpe(redis) {
  const { server, counted } = sink();
  await once(server, 'listening');
  const target = `http://127.0.0.1:${server.address().port}/x`;
  const port = await freePort();
  const start = (workers) => spawn(POULPE, ['--redis', `redis://127.0.0.1:${redis}`, '--port', String(port), '--workers', workers],
    { stdio: 'ignore' });
  const stop = async (daemon) => {
    daemon.kill();
    await once(daemon, 'exit');
  };
  const task = (delay) => JSON.stringify({ method: 'GET', name: target, params: `d=${data}`, delay });
  const submit = async (count, body) => {
    const connections = await Promise.all(Array.from({ length: CALLERS }, () => connection(port)));
    const submitted = await rate(count, (_, caller) => connections[caller].post(body));
    connections.forEach((one) => one.end());
    return submitted;
  };
  const daemon = start('4');
  await reachable(port);
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const later = JSON.stringify({ method: 'GET', name: target, params: `d=${data}`, at });
  const single = await submit(JOBS, later);
  const batched = BATCH * await submit(JOBS / BATCH, `[${Array(BATCH).fill(later).join(',')}]`);
  const begin = performance.now();
  await submit(2 * JOBS / BATCH, `[${Array(BATCH).fill(task(0)).join(',')}]`);
  while (counted.requests < 2 * JOBS) await sleep(2);
  const drained = perSecond(2 * JOBS, begin);
  await stop(daemon);
  server.close();
  return { single, batched, drained };
}

const redis = await freePort();
const dir = mkdtempSync(join(tmpdir(), 'poulpe-bench-'));
const server = spawn('redis-server', ['--port', String(redis), '--save', '', '--appendonly', 'no', '--dir', dir], { stdio: 'ignore' });
try {
  await reachable(redis);
  const rows = [['BullMQ', await bullmq(redis)], ['poulpe', await poulpe(redis)]];
  console.log(`${JOBS} jobs, a second:`);
  console.log('          submit one by one   by 100              drain');
  for (const [name, { single, batched, drained }] of rows) {
    console.log(`${name.padEnd(8)} ${single.toFixed(0).padStart(18)} ${batched.toFixed(0).padStart(8)} ${drained.toFixed(0).padStart(18)}`);
  }
  const [[, other], [, own]] = rows;
  const ratio = (what) => (own[what] / other[what]).toFixed(2);
  console.log(`poulpe: ${ratio('single')} x, ${ratio('batched')} x, ${ratio('drained')} x BullMQ`);
} finally {
  server.kill();
  await once(server, 'exit');
  rmSync(dir, { recursive: true });
}
