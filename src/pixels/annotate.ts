/** Text burnt into pictures. */
import { createRequire } from 'node:module'
import sharp, { type OverlayOptions, type Sharp } from 'sharp'
import type { PictureWish } from './ports.ts'

const require = createRequire(import.meta.url)
/** Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic; other letters come from fonts of the system, if it has any. */
const FONT_FILE = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')
const POINTS = 10
/** Height of a letter, in parts of the shorter side of the picture, and at least in pixels. */
const LETTER = 1 / 36
const LEAST_LETTER = 11
/** Parts of the picture that text may take at most, at the top and at the bottom each. */
const MOST = 0.45

/** The picture with the text on it, each line on a black ground of its own so that it can be read on any picture. */
export async function annotated(
  image: Sharp,
  channels: 1 | 3,
  { top, bottom }: PictureWish['annotation'],
): Promise<Sharp> {
  if (top.length === 0 && bottom.length === 0) return image
  const inSpace = channels === 1 ? image.toColourspace('b-w') : image
  const { data, info } = await inSpace.raw().toBuffer({ resolveWithObject: true })
  const overlays: OverlayOptions[] = []
  for (const [lines, isTop] of [
    [top, true],
    [bottom, false],
  ] as const) {
    const overlay = lines.length > 0 ? await textOn(info, lines, isTop) : null
    if (overlay !== null) overlays.push(overlay)
  }
  return sharp(data, { raw: info, limitInputPixels: false }).composite(overlays).removeAlpha()
}

/** Null where no letter has a shape. */
async function textOn(
  { width, height }: { readonly width: number; readonly height: number },
  lines: readonly string[],
  isTop: boolean,
): Promise<OverlayOptions | null> {
  const letter = Math.max(LEAST_LETTER, Math.min(width, height) * LETTER)
  // Where a letter is large for the picture, there is no room for a margin.
  const margin = height < letter * 10 ? 0 : Math.round(letter / 2)
  const text = {
    text: `<span foreground="#ffffff" background="#000000">${lines.map(escaped).join('\n')}</span>`,
    font: `DejaVu Sans ${POINTS}`,
    fontfile: FONT_FILE,
    rgba: true,
    dpi: Math.round((letter / POINTS) * 72),
  }
  const drawn = await sharp({ text }).png().toBuffer().catch(nullIfBlank)
  if (drawn === null) return null
  const most = { width: Math.max(1, width - 2 * margin), height: Math.max(1, Math.floor(height * MOST)) }
  const { data: input, info } = await sharp(drawn)
    .resize({ ...most, fit: 'inside', withoutEnlargement: true })
    .png()
    .toBuffer({ resolveWithObject: true })
  return { input, left: margin, top: isTop ? margin : height - margin - info.height }
}

/** There are letters without a shape that are no white space, like the fillers of Hangul. */
function nullIfBlank(error: unknown): null {
  if (error instanceof Error && error.message.includes('no text to render')) return null
  throw error
}

/** Pango reads markup. */
function escaped(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
