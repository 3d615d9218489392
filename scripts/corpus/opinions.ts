import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What two independent readers make of a file. */
export interface Opinion {
  readonly pydicom: string
  readonly dcmdump: string
  /** Both read it to its end, and it names its study, series, instance and SOP class, and is no DICOMDIR. */
  readonly isWhole: boolean
}

/** Reads strictly, and to the end: pydicom reads a sequence or a value only when it is looked at. */
const PYDICOM = `
import sys, json, warnings
warnings.simplefilter('ignore')
import pydicom
for path in sys.argv[1:]:
    try:
        ds = pydicom.dcmread(path)
        list(ds.iterall())
        missing = [k for k in ('SOPClassUID', 'SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID') if not ds.get(k)]
        what = 'lacks ' + ', '.join(missing) if missing else 'reads it'
        if ds.file_meta.get('MediaStorageSOPClassUID') == '1.2.840.10008.1.3.10': what = 'a DICOMDIR'
    except Exception as e:
        what = type(e).__name__ + ': ' + str(e).split('\\n')[0][:90]
    print(json.dumps([path, what]))
`

/** By path; null where neither reader is installed. */
export async function secondOpinions(paths: readonly string[]): Promise<ReadonlyMap<string, Opinion> | null> {
  const pydicom = await askPydicom(paths)
  const hasDcmdump = existsSync('/usr/bin/dcmdump')
  if (pydicom === null && !hasDcmdump) return null
  const opinions = new Map<string, Opinion>()
  for (const path of paths) {
    const first = pydicom?.get(path) ?? 'not installed'
    const second = hasDcmdump ? await askDcmdump(path) : 'not installed'
    opinions.set(path, {
      pydicom: first,
      dcmdump: second,
      isWhole: first === 'reads it' && second === 'reads it',
    })
  }
  return opinions
}

async function askPydicom(paths: readonly string[]): Promise<ReadonlyMap<string, string> | null> {
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      const { stdout } = await run(python, ['-c', PYDICOM, ...paths], { maxBuffer: 64 * 2 ** 20 })
      return new Map(
        stdout
          .trimEnd()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as [string, string]),
      )
    } catch {
      continue
    }
  }
  return null
}

async function askDcmdump(path: string): Promise<string> {
  try {
    const { stderr } = await run('/usr/bin/dcmdump', ['-q', '+L', path], { maxBuffer: 256 * 2 ** 20 })
    return stderr.trim() === '' ? 'reads it' : firstLine(stderr)
  } catch (error) {
    return firstLine((error as { stderr?: string }).stderr ?? String(error))
  }
}

function firstLine(text: string): string {
  const line = text.trim().split('\n')[0] ?? ''
  return (
    line
      .replace(/^[EFWID]: /, '')
      .replace(/: ?\/\S*/g, '')
      .slice(0, 110) || 'fails'
  )
}
