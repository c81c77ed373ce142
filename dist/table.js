// Writes a release's rows into checksums.json, from the archives in a folder: node dist/table.js VERSION FOLDER
// For whoever makes a release: an action only starts what its own table tells of.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { digest, find } = require('./archive');

// Each of the runner's platforms and its archive. One for both of Apple's may be named universal.
const TARGETS = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'windows-x64': 'x86_64-pc-windows-gnu',
  'windows-arm64': 'aarch64-pc-windows-msvc',
  'macos-x64': 'x86_64-apple-darwin',
  'macos-arm64': 'aarch64-apple-darwin',
};

// The rows of the archives that are in `folder`.
function rows(folder) {
  const found = {};
  for (const [platform, target] of Object.entries(TARGETS)) {
    const names = [`firefighter-${target}.tar.gz`, ...(platform.startsWith('macos') ? ['firefighter-universal-apple-darwin.tar.gz'] : [])];
    const asset = names.find((name) => fs.existsSync(path.join(folder, name)));
    if (!asset) continue;
    const archive = fs.readFileSync(path.join(folder, asset));
    const program = find(archive, platform.startsWith('windows') ? 'firefighter.exe' : 'firefighter');
    if (!program) throw new Error(`there is no program in ${asset}`);
    found[platform] = { asset, sha256: digest(archive), binary: digest(program) };
  }
  return found;
}

// The newest version stands first: it is the one taken where none is asked for.
function write(version, folder, file = path.join(__dirname, 'checksums.json')) {
  const { [version]: _, ...others } = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, `${JSON.stringify({ [version]: rows(folder), ...others }, null, 2)}\n`);
}

module.exports = { TARGETS, rows, write };
if (require.main === module) {
  const [version, folder] = process.argv.slice(2);
  if (folder) write(version.replace(/^v/, ''), folder);
  else process.exitCode = 1;
}
