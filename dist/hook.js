// The hook after every job of a self-hosted runner, whose folder is the argument. A hook is told neither inputs nor the job's
// result: settings are variables of the runner, and a job failed whose log, kept by the runner, has an error.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { run } = require('./firefighter');
const { runnerLog } = require('./pages');

const { env } = process;
const log = runnerLog(path.join(process.argv[2] || '', 'externals', 'node'), env.RUNNER_TEMP || os.tmpdir());
if (log && fs.readFileSync(log, 'utf8').includes('##[error]')) {
  run('post', { ...env, INPUT_WHEN: 'post', 'INPUT_LOG-FILE': log, INPUT_BINARY: env.FIREFIGHTER_BINARY || '' });
}
