/** Pictures by an independent renderer: dcmtk, with gdcm before it for what dcmtk cannot decode; libjxl for JPEG XL. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface Raster {
  readonly width: number
  readonly height: number
  /** 1 or 3. */
  readonly channels: number
  readonly pixels: Uint8Array
}

/** Whether a program is on the path. */
export const isInstalled = (name: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
/** Overlays are no part of the pixels. */
const PLAIN = ['-O']
const DCMTK = ['dcmj2pnm', 'dcml2pnm']
export const hasReference = DCMTK.every(isInstalled)
if (!hasReference) console.log('skipped: no dcmtk to compare pictures with')
const hasGdcm = isInstalled('gdcmconv')
const hasLibjxl = isInstalled('djxl')

/** The first frame of a file; `frame`: as it is stored; `window` as dcmtk's options say it. Null where no tool makes a picture. */
export async function referencePicture(
  { bytes, frame }: { readonly bytes: Buffer; readonly frame: Buffer },
  TransferSyntaxUID: string,
  window: readonly string[],
): Promise<Raster | null> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-reference-'))
  const [file, raw, out] = [join(folder, 'in.dcm'), join(folder, 'raw.dcm'), join(folder, 'out.ppm')]
  const draw = (tool: string, from: string) => made(tool, ['+F', '1', ...PLAIN, ...window, from, out])
  try {
    if (/\.4\.11[0-2]$/.test(TransferSyntaxUID)) {
      await writeFile(raw, frame)
      return hasLibjxl && (await made('djxl', [raw, out])) ? readPnm(await readFile(out)) : null
    }
    await writeFile(file, bytes)
    const tool = /\.4\.8[01]$/.test(TransferSyntaxUID) ? 'dcml2pnm' : 'dcmj2pnm'
    if (await draw(tool, file)) return readPnm(await readFile(out))
    if (!hasGdcm || !(await made('gdcmconv', ['--raw', file, raw]))) return null
    return (await draw('dcmj2pnm', raw)) ? readPnm(await readFile(out)) : null
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Runs a program to its end; whether it says that all is well. */
export function made(tool: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(tool, args, { timeout: 20_000 }, (error) => resolve(error === null))
  })
}

function readPnm(bytes: Buffer): Raster | null {
  const [, kind, width, height] =
    /^P([56])\s+(?:#[^\n]*\s+)*(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 200)) ?? []
  if (kind === undefined) return null
  const channels = kind === '6' ? 3 : 1
  const size = Number(width) * Number(height) * channels
  return {
    width: Number(width),
    height: Number(height),
    channels,
    pixels: bytes.subarray(bytes.length - size),
  }
}
