// The log of the job that runs, as the runner keeps it on its disk until it is sent: time-stamped, its secrets masked.
// No API gives it before the job has ended. Not documented by GitHub, so: only read, bounded, and no error when absent.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

// Bytes that are read: a page has up to eight megabytes, and the failure is near the end.
const MOST = 32 << 20;

// Node lies in `externals` of the runner, beside which its pages are.
function pages(node) {
  for (let folder = path.dirname(node); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const found = path.join(folder, '_diag', 'pages');
    if (fs.existsSync(found)) return found;
  }
  return undefined;
}

// The pages of the job written to last, in order. A page is named TIMELINE_RECORD_NUMBER.log; a step has records of its own,
// and the job's is the one in which the most steps begin.
function choose(folder) {
  const records = new Map();
  for (const name of fs.readdirSync(folder)) {
    const [, timeline, record, number] = name.match(/^([0-9a-f-]+)_([0-9a-f-]+)_(\d+)\.log$/i) || [];
    if (!timeline) continue;
    const file = path.join(folder, name);
    const { mtimeMs, size } = fs.statSync(file);
    const key = `${timeline}_${record}`;
    const known = records.get(key) || { timeline, files: [], newest: 0 };
    known.files.push({ file, size, number: Number(number) });
    known.newest = Math.max(known.newest, mtimeMs);
    records.set(key, known);
  }
  const all = [...records.values()].sort((a, b) => b.newest - a.newest);
  const texts = all.filter((one) => one.timeline === all[0].timeline).map((one) => read(one.files));
  const steps = (text) => text.split('##[group]Run ').length;
  return texts.sort((a, b) => steps(b) - steps(a))[0];
}

function read(files) {
  files.sort((a, b) => a.number - b.number);
  let size = files.reduce((sum, one) => sum + one.size, 0);
  while (files.length > 1 && size > MOST) size -= files.shift().size;
  return files.map(({ file }) => fs.readFileSync(file, 'utf8')).join('').slice(-MOST);
}

// The path of a copy in `temp`; undefined where the runner keeps none.
function runnerLog(node, temp) {
  try {
    const folder = pages(node);
    const text = folder && choose(folder);
    if (!text) return undefined;
    const file = path.join(temp, 'firefighter-runner.log');
    fs.writeFileSync(file, text, { mode: 0o600 });
    return file;
  } catch {
    return undefined;
  }
}

module.exports = { runnerLog };
