import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MOST_BYTES = 256 * 2 ** 20

/** What another reader makes of a file; null where it is not installed. */
export interface Reading {
  /** What dcmtk complains of, and whether it shows an Original Attributes Sequence. */
  readonly dcmdump: { readonly complaints: readonly string[]; readonly showsOriginal: boolean } | null
  readonly pydicom: PydicomReading | null
  /** What dicom3tools' validator says against the IOD: `Error - …`, `Warning - …`; UIDs in it are left out. */
  readonly dciodvfy: readonly string[] | null
}

export interface PydicomReading {
  readonly complaints: readonly string[]
  /** SHA-256 of the value of Pixel Data, or of Float or Double Float Pixel Data. */
  readonly pixels: string | null
  /** Per item of the Original Attributes Sequence: reason, and keywords of what it has kept. */
  readonly original: readonly { readonly reason: string; readonly kept: readonly string[] }[]
}

const PYDICOM = `
import hashlib, json, sys, warnings
import pydicom
for path in sys.argv[1:]:
    said, pixels, original = [], None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            ds = pydicom.dcmread(path, force=True)
            for _ in ds.iterall(): pass
            for k in ('PixelData', 'FloatPixelData', 'DoubleFloatPixelData'):
                if k in ds: pixels = hashlib.sha256(ds[k].value).hexdigest()
            for item in ds.get('OriginalAttributesSequence', []):
                kept = [e.keyword or str(e.tag) for m in item.get('ModifiedAttributesSequence', []) for e in m]
                original.append({'reason': str(item.get('ReasonForTheAttributeModification', '')), 'kept': kept})
        except Exception as e:
            said.append(type(e).__name__ + ': ' + str(e).split('\\n')[0])
    said += [str(w.message).split('\\n')[0] for w in caught]
    print(json.dumps({'complaints': sorted(set(said)), 'pixels': pixels, 'original': original}))
`

/** Has every reader that is installed read a file. */
export async function readByOthers(path: string): Promise<Reading> {
  const [dcmdump, pydicom, dciodvfy] = await Promise.all([
    askDcmdump(path),
    askPydicom(path),
    askDciodvfy(path),
  ])
  return { dcmdump, pydicom, dciodvfy }
}

async function askDcmdump(path: string): Promise<Reading['dcmdump']> {
  const said = await output('/usr/bin/dcmdump', ['+L', path])
  if (said === null) return null
  return { complaints: distinct(said.stderr), showsOriginal: said.stdout.includes('(0400,0561) SQ') }
}

async function askPydicom(path: string): Promise<PydicomReading | null> {
  for (const python of ['/usr/bin/python3', 'python3']) {
    const said = await output(python, ['-c', PYDICOM, path]).catch(() => null)
    if (said !== null && said.stdout !== '') return JSON.parse(said.stdout) as PydicomReading
  }
  return null
}

async function askDciodvfy(path: string): Promise<readonly string[] | null> {
  const said = await output('/usr/bin/dciodvfy', [path])
  if (said === null) return null
  return distinct(
    `${said.stdout}\n${said.stderr}`.replaceAll(/\b(?:\d+(?:\.\d+){4,}|2\.25\.\d+)\b/gu, 'UID'),
  ).filter((line) => /^(?:Error|Warning) - /u.test(line))
}

/** What a program prints, whatever its exit status; null where it is not installed. */
async function output(
  program: string,
  args: readonly string[],
): Promise<{ stdout: string; stderr: string } | null> {
  if (program.startsWith('/') && !existsSync(program)) return null
  try {
    return await run(program, args, { maxBuffer: MOST_BYTES, encoding: 'latin1' })
  } catch (error) {
    const { stdout = '', stderr = '', code } = error as { stdout?: string; stderr?: string; code?: unknown }
    if (code === 'ENOENT') return null
    return { stdout, stderr }
  }
}

function distinct(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return [...new Set(lines.filter((line) => line !== ''))].sort()
}
