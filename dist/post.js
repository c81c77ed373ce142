// What GitHub's runner starts at the end of a job that failed.
require('./firefighter').run('post');
