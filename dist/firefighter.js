// The action: gets the program, hands it the inputs as variables, and ends green whatever happens.
// Node's own modules only. The program comes from binary.js, the runner's own log from pages.js.
'use strict';

const { spawn } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');

const { obtain } = require('./binary');
const { runnerLog } = require('./pages');

// Inputs that are handed on as they are. An empty one is not set, so that a variable of the job's own counts.
const VARIABLES = {
  'github-token': 'FIREFIGHTER_CI_TOKEN',
  'job-id': 'FIREFIGHTER_GITHUB_JOB_ID',
  'log-file': 'FIREFIGHTER_LOG',
  deadline: 'FIREFIGHTER_DEADLINE',
  comment: 'FIREFIGHTER_COMMENT',
  'check-run': 'FIREFIGHTER_CHECK_RUN',
  provider: 'FIREFIGHTER_LLM_PROVIDER',
  model: 'FIREFIGHTER_LLM_MODEL',
  'base-url': 'FIREFIGHTER_LLM_URL',
  'api-key': 'FIREFIGHTER_LLM_API_KEY',
  'max-cost': 'FIREFIGHTER_MAX_COST',
  'octopus-url': 'FIREFIGHTER_OCTOPUS_URL',
  'octopus-api-key': 'FIREFIGHTER_OCTOPUS_API_KEY',
  'octopus-space': 'FIREFIGHTER_OCTOPUS_SPACE',
  'octopus-task': 'FIREFIGHTER_TASK',
  config: 'FIREFIGHTER_CONFIG',
  signatures: 'FIREFIGHTER_SIGNATURES',
  runbooks: 'FIREFIGHTER_RUNBOOKS',
  out: 'FIREFIGHTER_OUT',
};
// Seconds: the deadline of action.yml, and what the program may take beyond it before it is ended.
const DEADLINE = 120;
const GRACE = 10;

// The runner keeps hyphens in the names of these variables.
const input = (env, name) => (env[`INPUT_${name.toUpperCase()}`] || '').trim();
const isOn = (value) => /^(true|1|yes|on)$/i.test(value);

// A workflow command of one line. What it says may quote anything.
function command(name, text) {
  const plain = text.trim().replace(/\s*[\r\n]+\s*/g, ' ').slice(0, 1000);
  return `::${name} title=Firefighter::${plain.replace(/%/g, '%25')}\n`;
}
const warn = (text) => process.stdout.write(command('warning', text));

// The program's environment: the job's, with the inputs by their names there, and without what it has no use for.
function environment(env) {
  const handed = {};
  for (const [name, value] of Object.entries(env)) {
    if (!/^(INPUT_|STATE_|ACTIONS_)/i.test(name)) handed[name] = value;
  }
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = input(env, name);
    if (value) handed[variable] = value;
  }
  const temp = env.RUNNER_TEMP || os.tmpdir();
  handed.FIREFIGHTER_OUT ||= path.join(temp, 'firefighter');
  handed.FIREFIGHTER_CI ||= 'github';
  if (isOn(input(env, 'runner-log'))) handed.FIREFIGHTER_LOG ||= runnerLog(process.execPath, temp) || '';
  return handed;
}

// The ids of failed steps in the context `steps`. Its outputs may be secrets and are not looked at.
function failedSteps(json) {
  if (!json) return [];
  try {
    const steps = Object.entries(JSON.parse(json) || {});
    return steps.filter(([, step]) => step?.outcome === 'failure').map(([id]) => id);
  } catch {
    warn('steps-json is no JSON and was left aside: set it to ${{ toJSON(steps) }}');
    return [];
  }
}

// Runs the program to its end, or to ours. Its report passes through; a line in which it speaks of itself is put on the page.
function diagnose(binary, env, failed) {
  return new Promise((resolve) => {
    const child = spawn(binary, ['diagnose'], { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    const deadline = Number.parseInt(env.FIREFIGHTER_DEADLINE, 10) || DEADLINE;
    const end = (signal) => {
      child.kill(signal);
      setTimeout(() => {
        child.kill('SIGKILL');
        resolve();
      }, 2000).unref();
    };
    const timer = setTimeout(() => {
      warn(`the program was not done ${GRACE} s after its deadline of ${deadline} s and was ended`);
      end('SIGTERM');
    }, (deadline + GRACE) * 1000);
    // A canceled job gives ten seconds between the first signal and the last.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(signal));
    const steps = failed.length ? `; failed: ${failed.join(', ')}` : '';
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const own = line.startsWith('firefighter: ') && line.slice('firefighter: '.length);
        process.stdout.write(own ? command('notice', own + steps) : `${line}\n`);
      }
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text) => { complaint = (complaint + text).slice(0, 4000); });
    const done = (trouble) => {
      clearTimeout(timer);
      if (rest) process.stdout.write(`${rest}\n`);
      if (trouble || complaint.trim()) warn(trouble || complaint.trim().replace(/^firefighter: /, ''));
      resolve();
    };
    child.on('error', (error) => done(`the program ${binary} could not be started: ${error.message}`));
    child.on('close', (code, signal) => {
      done(signal && !child.killed ? `the program ended by the signal ${signal}` : '');
    });
  });
}

// `phase` is where the runner is: at the step, or at the end of a failed job.
async function run(phase, env = process.env) {
  // Nothing from here on may make a job worse than it is.
  process.exitCode = 0;
  process.on('uncaughtException', (error) => {
    warn(`a fault of the action's own: ${error.message}`);
    process.exit(0);
  });
  const when = input(env, 'when').toLowerCase() || 'now';
  const known = when === 'now' || when === 'post';
  if (!known && phase === 'main') warn(`when is ${when}, but it must be now or post; it counts as post`);
  if ((when === 'now') !== (phase === 'main')) return;
  try {
    const binary = await obtain(env, { binary: input(env, 'binary'), version: input(env, 'version'), from: input(env, 'download-url') });
    await diagnose(binary, environment(env), failedSteps(input(env, 'steps-json')));
  } catch (error) {
    warn(`nothing was diagnosed: ${error.message}`);
  }
  // A process that the program left behind may hold its output open.
  setTimeout(() => process.exit(0), 1000).unref();
}

module.exports = { run, environment, command, failedSteps, VARIABLES };
