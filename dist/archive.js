// A release's archive: a .tar.gz with the program in it, held against the digests of checksums.json.
// Read here, so that no tool is needed, and nothing of it but the program reaches the disk.
'use strict';

const { createHash } = require('node:crypto');
const path = require('node:path');
const { gunzipSync } = require('node:zlib');

// Bytes of an archive, and of what is in it. Ours is a tenth of this.
const LARGEST = 100 << 20;

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

function check(bytes, expected, what) {
  if (digest(bytes) !== expected) throw new Error(`${what} is not the file that its checksum tells of; it was not used`);
  return bytes;
}

// The program's bytes. `known` is its row in checksums.json: asset, sha256 of the archive, binary: that of the program.
function unpack(archive, name, known) {
  const found = find(check(archive, known.sha256, known.asset), name);
  if (!found) throw new Error(`there is no ${name} in ${known.asset}`);
  return check(found, known.binary, `${name} in ${known.asset}`);
}

// The plain file `name`, in whatever folder of the archive.
function find(archive, name) {
  const tar = gunzipSync(archive, { maxOutputLength: LARGEST });
  const text = (from, to) => tar.toString('latin1', from, to).replace(/\0.*$/s, '').trim();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, at + 136), 8) || 0;
    const isPlain = tar[at + 156] === 0x30 || tar[at + 156] === 0;
    if (isPlain && path.posix.basename(text(at, at + 100)) === name) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

module.exports = { LARGEST, check, digest, find, unpack };
