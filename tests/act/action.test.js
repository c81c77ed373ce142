// The action's own code, without a runner: node --test tests/act/action.test.js
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { gzipSync } = require('node:zlib');

const DIST = path.join(__dirname, '..', '..', 'dist');
const { digest } = require(path.join(DIST, 'archive.js'));
const { obtain, platform, program } = require(path.join(DIST, 'binary.js'));
const { command, environment, failedSteps } = require(path.join(DIST, 'firefighter.js'));
const { runnerLog } = require(path.join(DIST, 'pages.js'));
const { TARGETS, write } = require(path.join(DIST, 'table.js'));

const WINDOWS = process.platform === 'win32';
const NOTHING = { binary: '', version: '', from: '' };

function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'firefighter action '));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

// A tar archive of one file.
function archive(name, bytes) {
  const head = Buffer.alloc(512);
  head.write(name);
  head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  head.write('0', 156);
  return gzipSync(Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512 + 1024)]));
}

// A server on this machine that answers every path with what `answer` says, and counts.
async function serve(t, answer) {
  const server = http.createServer((request, response) => {
    server.asked.push(request.url);
    const [status, body] = answer(request.url);
    response.writeHead(status).end(body);
  });
  server.asked = [];
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => server.close());
  server.address_ = `http://127.0.0.1:${server.address().port}`;
  return server;
}

// A release of one version for this platform, and the table that tells of it.
function release(bytes = Buffer.from('#!/bin/sh\necho released\n')) {
  const packed = archive(program(), bytes);
  return { packed, table: { '1.2.3': { [platform()]: { asset: 'f.tar.gz', sha256: digest(packed), binary: digest(bytes) } } } };
}

// The action as the runner starts it: [exit code, what it printed].
function start(t, inputs, env = {}, file = 'main.js') {
  const given = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));
  const { PATH, SystemRoot } = process.env;
  const all = { PATH, ...(SystemRoot && { SystemRoot }), RUNNER_TEMP: folder(t), ...env, ...given };
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(DIST, file)], { env: all }, (error, out, err) => resolve([error ? error.code : 0, out + err]));
  });
}

// A program that does as the script says, at a path with a space.
function script(t, text) {
  const file = path.join(folder(t), 'a program');
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

test('each platform of a runner has a row', () => {
  const named = (system, arch) => platform(system, arch);
  const all = [['linux', 'x64'], ['linux', 'arm64'], ['win32', 'x64'], ['win32', 'arm64'], ['darwin', 'x64'], ['darwin', 'arm64']];
  assert.deepEqual(all.map(([system, arch]) => named(system, arch)), Object.keys(TARGETS));
  assert.deepEqual([program('win32'), program('linux'), program('darwin')], ['firefighter.exe', 'firefighter', 'firefighter']);
});

test('a release is downloaded once, unpacked and kept', async (t) => {
  const { packed, table } = release();
  const server = await serve(t, () => [200, packed]);
  const env = { RUNNER_TOOL_CACHE: folder(t) };
  const asked = { ...NOTHING, version: 'v1.2.3', from: `${server.address_}/` };
  const first = await obtain(env, asked, table, folder(t));
  assert.equal(fs.readFileSync(first, 'utf8'), '#!/bin/sh\necho released\n');
  if (!WINDOWS) assert.equal(fs.statSync(first).mode & 0o111, 0o111);
  assert.equal(await obtain(env, { ...NOTHING, from: server.address_ }, table, folder(t)), first);
  assert.deepEqual(server.asked, ['/f.tar.gz']);
  // Somebody wrote into the cache.
  fs.writeFileSync(first, '#!/bin/sh\necho evil\n');
  await obtain(env, asked, table, folder(t));
  assert.equal(fs.readFileSync(first, 'utf8'), '#!/bin/sh\necho released\n');
});

test('a file that its checksum does not tell of is refused, and nothing of it is kept', async (t) => {
  const { table } = release();
  const evil = archive(program(), Buffer.from('evil'));
  const server = await serve(t, () => [200, evil]);
  const env = { RUNNER_TOOL_CACHE: folder(t) };
  const asked = { ...NOTHING, from: server.address_ };
  await assert.rejects(obtain(env, asked, table, folder(t)), /f\.tar\.gz is not the file that its checksum tells of/);
  table['1.2.3'][platform()].sha256 = digest(evil);
  await assert.rejects(obtain(env, asked, table, folder(t)), /firefighter(\.exe)? in f\.tar\.gz is not the file/);
  assert.deepEqual(fs.readdirSync(env.RUNNER_TOOL_CACHE), []);
});

test('a download that fails is tried again, and then told', async (t) => {
  const { packed, table } = release();
  let faults = 1;
  const server = await serve(t, () => (faults-- > 0 ? [503, ''] : [200, packed]));
  const env = { RUNNER_TOOL_CACHE: folder(t) };
  await obtain(env, { ...NOTHING, from: server.address_ }, table, folder(t));
  assert.equal(server.asked.length, 2);
  const missing = await serve(t, () => [404, '']);
  const rejected = obtain({ RUNNER_TOOL_CACHE: folder(t) }, { ...NOTHING, from: missing.address_ }, table, folder(t));
  await assert.rejects(rejected, /could not be downloaded: status 404; name an installed one with the input binary/);
  assert.equal(missing.asked.length, 1);
});

test('a version without a checksum is not even asked for', async (t) => {
  const server = await serve(t, () => [200, '']);
  const asked = { ...NOTHING, version: '9.9.9', from: server.address_ };
  await assert.rejects(obtain({}, asked, release().table, folder(t)), /no checksum for version 9\.9\.9 .* versions: 1\.2\.3$/);
  await assert.rejects(obtain({}, { ...asked, version: '__proto__' }, release().table, folder(t)), /no checksum for version __proto__/);
  assert.deepEqual(server.asked, []);
});

test('without a release the sources beside action.yml are built', { skip: WINDOWS }, async (t) => {
  const root = folder(t);
  const tools = folder(t);
  const env = { PATH: `${tools}:/usr/bin:/bin`, RUNNER_TOOL_CACHE: folder(t) };
  await assert.rejects(obtain(env, NOTHING, {}, root), /this action knows no binary for/);
  fs.writeFileSync(path.join(root, 'Cargo.toml'), '');
  await assert.rejects(obtain({ ...env, PATH: tools }, NOTHING, {}, root), /this action knows no binary for/);
  const cargo = path.join(tools, 'cargo');
  fs.writeFileSync(cargo, '#!/bin/sh\nmkdir -p "$CARGO_TARGET_DIR/release"\npwd > "$CARGO_TARGET_DIR/release/firefighter"\n', { mode: 0o755 });
  const built = await obtain(env, NOTHING, {}, root);
  assert.equal(fs.readFileSync(built, 'utf8').trim(), fs.realpathSync(root));
  fs.writeFileSync(cargo, '#!/bin/sh\necho "error: no linker" >&2\nexit 101\n');
  await assert.rejects(obtain(env, NOTHING, {}, root), /could not be built from the sources of the action: error: no linker$/);
});

test('inputs become variables of the program, and what it has no use for stays behind', () => {
  const env = { 'INPUT_LOG-FILE': ' a b.log ', 'INPUT_API-KEY': 'k', INPUT_MODEL: '', FIREFIGHTER_LLM_MODEL: 'mine', ACTIONS_RUNTIME_TOKEN: 't', HOME: '/h', RUNNER_TEMP: 'tmp' };
  assert.deepEqual(environment(env), {
    FIREFIGHTER_LLM_MODEL: 'mine', HOME: '/h', RUNNER_TEMP: 'tmp', FIREFIGHTER_LOG: 'a b.log', FIREFIGHTER_LLM_API_KEY: 'k',
    FIREFIGHTER_OUT: path.join('tmp', 'firefighter'), FIREFIGHTER_CI: 'github',
  });
});

test('of the steps nothing but the failed ones is kept', () => {
  const steps = { build: { outcome: 'failure', conclusion: 'success', outputs: { key: 'secret' } }, test: { outcome: 'success' } };
  assert.deepEqual(failedSteps(JSON.stringify(steps)), ['build']);
  assert.deepEqual([failedSteps(''), failedSteps('null')], [[], []]);
});

test('what is told is one command, whatever it quotes', () => {
  assert.equal(command('warning', ' 50%\r\n::error::x\n'), '::warning title=Firefighter::50%25 ::error::x\n');
});

test('whatever goes wrong, the exit code is 0 and one line tells it', async (t) => {
  const cases = [
    [{ binary: './nowhere' }, /^::warning title=Firefighter::nothing was diagnosed: there is no file \.\/nowhere/],
    [{ binary: __filename }, /^::warning title=Firefighter::the program .* could not be started/],
    [{ version: '9.9.9' }, /^::warning title=Firefighter::nothing was diagnosed: there is no checksum for version 9\.9\.9/],
  ];
  if (!WINDOWS) {
    cases.push([{ binary: script(t, 'echo "firefighter: a\n::error::b" >&2; exit 70') }, /^::warning title=Firefighter::a ::error::b$/m]);
    cases.push([{ binary: script(t, 'echo "firefighter: nothing to see"; exit 1'), 'steps-json': '{"a":{"outcome":"failure"}}' }, /^::notice title=Firefighter::nothing to see; failed: a$/m]);
    cases.push([{ binary: script(t, 'kill -SEGV $$') }, /^::warning title=Firefighter::the program ended by the signal SIGSEGV/]);
  }
  for (const [inputs, expected] of cases) {
    const [code, said] = await start(t, inputs);
    assert.equal(code, 0, said);
    assert.match(said, expected);
    assert.equal(said.trim().split('\n').length, 1, said);
  }
});

test('a program that does not end is ended', { skip: WINDOWS }, async (t) => {
  const program = script(t, 'trap "" TERM; while :; do sleep 1; done');
  const preload = path.join(folder(t), 'fast.js');
  // Eleven seconds of the action's are one here.
  fs.writeFileSync(preload, 'const t = setTimeout; globalThis.setTimeout = (f, ms) => t(f, ms / 11);');
  const [code, said] = await start(t, { binary: program, deadline: '1' }, { NODE_OPTIONS: `--require "${preload}"` });
  assert.equal(code, 0);
  assert.match(said, /^::warning title=Firefighter::the program was not done 10 s after its deadline of 1 s and was ended\n$/);
});

test('it works in the phase that `when` names, and in no other', { skip: WINDOWS }, async (t) => {
  const binary = script(t, 'echo worked');
  for (const [when, file, expected] of [
    ['', 'main.js', 'worked\n'], ['now', 'main.js', 'worked\n'], ['now', 'post.js', ''], ['', 'post.js', ''],
    ['post', 'main.js', ''], ['Post', 'post.js', 'worked\n'],
    ['later', 'main.js', '::warning title=Firefighter::when is later, but it must be now or post; it counts as post\n'], ['later', 'post.js', 'worked\n'],
  ]) {
    assert.deepEqual(await start(t, { when, binary }, {}, file), [0, expected], `${when} ${file}`);
  }
});

test('the runner\'s own log is the pages of the job written to last, in order', (t) => {
  const root = folder(t);
  const node = path.join(root, 'externals', 'node24', 'bin', 'node');
  assert.equal(runnerLog(node, root), undefined);
  const pages = path.join(root, '_diag', 'pages');
  fs.mkdirSync(pages, { recursive: true });
  assert.equal(runnerLog(node, root), undefined);
  const page = (name, text, seconds) => {
    fs.writeFileSync(path.join(pages, name), text);
    fs.utimesSync(path.join(pages, name), seconds, seconds);
  };
  page('aaaa_1111_1.log', '##[group]Run of yesterday\n##[group]Run b\n##[group]Run c\n', 100);
  page('bbbb_2222_10.log', 'third\n', 220);
  page('bbbb_2222_2.log', '##[group]Run second\n', 210);
  page('bbbb_2222_1.log', '##[group]Run first\n', 200);
  page('bbbb_3333_1.log', '##[group]Run of a step\n', 230);
  fs.writeFileSync(path.join(root, '_diag', 'Worker_1.log'), 'secrets');
  fs.writeFileSync(path.join(pages, 'Worker_1.log'), 'secrets');
  assert.equal(fs.readFileSync(runnerLog(node, root), 'utf8'), '##[group]Run first\n##[group]Run second\nthird\n');
});

test('a release\'s rows are written from its archives, the newest first', async (t) => {
  const built = folder(t);
  const bytes = Buffer.from('program');
  for (const [key, target] of Object.entries(TARGETS)) {
    if (key.startsWith('macos')) continue;
    fs.writeFileSync(path.join(built, `firefighter-${target}.tar.gz`), archive(key.startsWith('windows') ? './firefighter.exe' : './firefighter', bytes));
  }
  fs.writeFileSync(path.join(built, 'firefighter-universal-apple-darwin.tar.gz'), archive('firefighter', bytes));
  const table = path.join(built, 'checksums.json');
  fs.writeFileSync(table, '{"1.0.0": {}}');
  write('1.1.0', built, table);
  const written = JSON.parse(fs.readFileSync(table, 'utf8'));
  assert.deepEqual(Object.keys(written), ['1.1.0', '1.0.0']);
  assert.deepEqual(Object.keys(written['1.1.0']), Object.keys(TARGETS));
  assert.equal(written['1.1.0']['macos-x64'].asset, 'firefighter-universal-apple-darwin.tar.gz');
  assert.equal(written['1.1.0']['linux-x64'].binary, digest(bytes));
});

test('the hook of a self-hosted runner works after a job that failed, and ends with 0', { skip: WINDOWS }, async (t) => {
  const root = folder(t);
  const work = path.join(root, '_work', '_temp');
  const bin = path.join(root, 'externals', 'node24', 'bin');
  const pages = path.join(root, '_diag', 'pages');
  for (const one of [work, bin, pages]) fs.mkdirSync(one, { recursive: true });
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  const hook = (env) => new Promise((resolve) => {
    execFile('bash', [path.join(DIST, 'job-completed.sh')], { env: { PATH: process.env.PATH, ...env } }, (error, out, err) => resolve([error ? error.code : 0, out + err]));
  });
  const env = { RUNNER_TEMP: work, FIREFIGHTER_BINARY: script(t, 'cat "$FIREFIGHTER_LOG"; exit 3') };
  assert.deepEqual(await hook(env), [0, '']);
  const page = path.join(pages, 'aaaa_1111_1.log');
  fs.writeFileSync(page, '##[group]Run make\nall fine\n');
  assert.deepEqual(await hook(env), [0, '']);
  fs.writeFileSync(page, '##[group]Run make\n##[error]Process completed with exit code 2.\n');
  assert.deepEqual(await hook(env), [0, '##[group]Run make\n##[error]Process completed with exit code 2.\n']);
  const [code, said] = await hook({ ...env, RUNNER_TEMP: os.tmpdir() });
  assert.equal(code, 0);
  assert.match(said, /^::warning title=Firefighter::no runner was found/);
});
