// Where the program comes from: a path that was given, the tool cache, a release held against checksums.json, or a build.
// What goes wrong is an Error whose message is one sentence for the reader of the job.
'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const { LARGEST, check, digest, unpack } = require('./archive');

const ROOT = path.dirname(__dirname);
const SYSTEMS = { linux: 'linux', win32: 'windows', darwin: 'macos' };
// Milliseconds: between tries, for one try, and for a build.
const WAITS = [500, 2000];
const PATIENCE = 60_000;
const BUILD = 600_000;

const platform = (system = process.platform, arch = process.arch) => `${SYSTEMS[system] || system}-${arch}`;
const program = (system = process.platform) => (system === 'win32' ? 'firefighter.exe' : 'firefighter');
const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() || false;
const cache = (env) => path.join(env.RUNNER_TOOL_CACHE || env.RUNNER_TEMP || os.tmpdir(), 'firefighter');

// The path of the program. `asked` has the inputs `binary`, `version` and `from`, each empty where not given.
async function obtain(env, asked, table = readTable(), root = ROOT) {
  if (asked.binary) {
    // A name alone is looked for where the system looks for programs.
    if (!/[\\/]/.test(asked.binary)) return asked.binary;
    const file = path.resolve(env.GITHUB_WORKSPACE || '.', asked.binary);
    if (!isFile(file)) throw new Error(`there is no file ${asked.binary}, which the input binary names`);
    return file;
  }
  const version = asked.version.replace(/^v/, '') || Object.keys(table)[0];
  const known = version && Object.hasOwn(table, version) && table[version][platform()];
  if (asked.version && !known) {
    const all = Object.keys(table).join(', ') || 'none';
    throw new Error(`there is no checksum for version ${asked.version} on ${platform()}; this action knows the versions: ${all}`);
  }
  let trouble = `this action knows no binary for ${platform()}`;
  if (known) {
    const kept = path.join(cache(env), version, process.arch, program());
    // Whoever wrote into the cache, only the program itself is started.
    if (isFile(kept) && digest(fs.readFileSync(kept)) === known.binary) return kept;
    const base = asked.from || release(env, version);
    let archive;
    if (base) {
      const url = `${base.replace(/\/+$/, '')}/${known.asset}`;
      try {
        archive = await download(url, env);
      } catch (error) {
        trouble = `${url} could not be downloaded: ${error.cause?.message || error.message}`;
      }
    } else {
      trouble = 'the repository of this action is not known, so nothing can be downloaded';
    }
    if (archive) return keep(unpack(archive, program(), known), kept);
  }
  const built = asked.version ? undefined : await build(env, root);
  if (!built) throw new Error(`${trouble}; name an installed one with the input binary`);
  return built;
}

function readTable() {
  return JSON.parse(fs.readFileSync(path.join(__dirname, 'checksums.json'), 'utf8'));
}

// Inside of other actions the variable names the outermost one; the folder that the runner unpacked us to is ours.
function release(env, version) {
  const [, place] = ROOT.replaceAll('\\', '/').match(/\/_actions\/([^/]+\/[^/]+)\//) || [];
  const repository = place || env.GITHUB_ACTION_REPOSITORY;
  return repository && `${env.GITHUB_SERVER_URL || 'https://github.com'}/${repository}/releases/download/v${version}`;
}

async function download(url, env) {
  // Node's own client passes proxies by.
  if (['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some((name) => env[name])) {
    const flags = ['-fsSL', '--retry', '2', '--max-time', `${PATIENCE / 1000}`, '--max-filesize', `${LARGEST}`, '--', url];
    return (await promisify(execFile)('curl', flags, { encoding: 'buffer', maxBuffer: LARGEST, env })).stdout;
  }
  for (const wait of [...WAITS, undefined]) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
      if (response.ok) return await body(response);
      await response.body?.cancel();
      if (response.status < 500 || wait === undefined) throw Object.assign(new Error(`status ${response.status}`), { final: true });
    } catch (error) {
      if (error.final || wait === undefined) throw error;
    }
    await new Promise((resume) => setTimeout(resume, wait));
  }
}

async function body(response) {
  const parts = [];
  let size = 0;
  for await (const part of response.body) {
    size += part.length;
    if (size > LARGEST) throw Object.assign(new Error('it is too large'), { final: true });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

// Another job of the same machine may do the same at the same time: a file is there whole or not at all.
function keep(bytes, file) {
  const folder = path.dirname(file);
  fs.mkdirSync(folder, { recursive: true });
  const part = `${file}.${process.pid}`;
  fs.writeFileSync(part, bytes, { mode: 0o755 });
  fs.renameSync(part, file);
  fs.writeFileSync(`${folder}.complete`, '');
  return file;
}

// The sources beside action.yml, built where cargo is. Cargo finds out itself what of an earlier build still holds.
async function build(env, root) {
  if (!isFile(path.join(root, 'Cargo.toml'))) return undefined;
  const target = path.join(cache(env), 'build');
  process.stdout.write('Building Firefighter from the sources of the action.\n');
  const options = { cwd: root, env: { ...env, CARGO_TARGET_DIR: target }, timeout: BUILD, maxBuffer: LARGEST };
  try {
    await promisify(execFile)('cargo', ['build', '--release', '--locked', '--bin', 'firefighter'], options);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    const last = (error.stderr || error.message).trim().split('\n').pop();
    throw new Error(`the program could not be built from the sources of the action: ${last}`);
  }
  return path.join(target, 'release', program());
}

module.exports = { obtain, platform, program };
