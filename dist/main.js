// What GitHub's runner starts where the step stands.
require('./firefighter').run('main');
