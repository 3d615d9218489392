/** `npm run test:questions`, and the Python that it needs. */
import { spawnSync } from 'node:child_process'
import { runToEnd } from '../../scripts/running-service.ts'

/** One with pydicom; undefined where there is none. Debian's own has python3-pydicom, whichever comes first in the path. */
export const python = ['python3', '/usr/bin/python3'].find(
  (one) => spawnSync(one, ['-c', 'import pydicom']).status === 0,
)
if (python === undefined) console.log('skipped: no pydicom')

export const ask = (folder: string) =>
  runToEnd('scripts/questions.ts', [folder, '--every-tag', '--python', python ?? ''], {})
