import { a } from './a';

import { pad } from 'left-pad';
