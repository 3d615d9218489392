/** Query parameters of pictures: PS3.18 §8.3.5.1 for RS, §9.1.2 for URI. Names that are not known are passed over. */
import type { PictureRequest } from '../archive/viewing.ts'
import { Problem } from '../problem.ts'

/** How a picture is wanted, but for the frame and the media type. */
export type PictureParams = Omit<PictureRequest, 'frame' | 'media'>

const SHAPES = ['linear', 'linear-exact', 'sigmoid'] as const
/** `iccprofile` (§8.3.5.1.5) and what it asks for; wider spaces are not offered. */
const PROFILES: ReadonlyMap<string, PictureRequest['profile']> = new Map([
  ['no', 'none'],
  ['yes', 'own'],
  ['srgb', 'srgb'],
])
const ANNOTATIONS = ['patient', 'technique'] as const
const QUALITY = 90
/** Pixels of a side, and of both multiplied, that a picture may be asked for. */
const LONGEST_SIDE = 16384
const LARGEST_PICTURE = 64 * 1024 * 1024

/** Reads `window`, `viewport`, `quality`, `annotation` and `iccprofile`. Throws Problem `malformed`. */
export function readPictureParams(query: string): PictureParams {
  const params = new URLSearchParams(query)
  return {
    quality: qualityOf('quality', only(params, 'quality')),
    window: windowOf(only(params, 'window')),
    ...viewportOf(only(params, 'viewport')),
    annotation: annotationsOf(params),
    profile: profileOf(only(params, 'iccprofile')),
  }
}

/** The value of a parameter that may be given once. */
export function only(params: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = params.getAll(name)
  if (more.length > 0) throw new Problem('malformed', `The parameter ${name} is given more than once.`)
  return value
}

/** The values of `annotation` that are known. */
export function annotationsOf(params: URLSearchParams): PictureParams['annotation'] {
  const asked = annotationValues(params)
  return ANNOTATIONS.filter((one) => asked.includes(one))
}

/** Those that are not, which are passed over with a warning (§8.3.5.1.1). */
export function unknownAnnotations(query: string): readonly string[] {
  const known: readonly string[] = ANNOTATIONS
  return annotationValues(new URLSearchParams(query)).filter((one) => !known.includes(one))
}

function annotationValues(params: URLSearchParams): string[] {
  const text = only(params, 'annotation') ?? ''
  return text
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '')
}

function profileOf(text: string | undefined): PictureRequest['profile'] {
  const profile = PROFILES.get(text?.toLowerCase() ?? 'no')
  if (profile !== undefined) return profile
  throw new Problem('malformed', `The parameter iccprofile wants one of ${[...PROFILES.keys()].join(', ')}.`)
}

export function qualityOf(name: string, text: string | undefined): number {
  if (text === undefined) return QUALITY
  const quality = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (quality < 1 || quality > 100) throw new Problem('malformed', `The parameter ${name} wants 1 to 100.`)
  return quality
}

function windowOf(text: string | undefined): PictureRequest['window'] {
  if (text === undefined) return null
  const [center, width, named, ...more] = text.split(',')
  const shape = SHAPES.find((one) => one === named?.toLowerCase().replace('_', '-'))
  if (shape === undefined || more.length > 0) {
    throw new Problem(
      'malformed',
      `The parameter window wants center,width,function, the function one of ${SHAPES.join(', ')}.`,
    )
  }
  return { center: decimalOf('window', center), width: widthOf('window', width, shape), shape }
}

/** A width must be positive, that of `linear` at least 1 (PS3.3 C.11.2.1.2). */
export function widthOf(name: string, text: string | undefined, shape: string): number {
  const width = decimalOf(name, text)
  if (width <= 0 || (shape === 'linear' && width < 1)) {
    throw new Problem('malformed', `The parameter ${name} wants a width of 1 or more.`)
  }
  return width
}

export function decimalOf(name: string, text = ''): number {
  const isDecimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)
  if (!isDecimal || !Number.isFinite(Number(text))) {
    throw new Problem('malformed', `The parameter ${name} wants decimal numbers.`)
  }
  return Number(text)
}

function viewportOf(text: string | undefined): Pick<PictureParams, 'box' | 'source'> {
  if (text === undefined) return { box: null, source: null }
  const members = text.split(',').map((one) => one.trim())
  if (members.length !== 2 && members.length !== 6) {
    throw new Problem('malformed', 'The parameter viewport wants vw,vh or vw,vh,sx,sy,sw,sh.')
  }
  const [vw, vh, ...source] = members
  const box = boxOf('viewport', sideOf('viewport', vw), sideOf('viewport', vh))
  if (source.length === 0) return { box, source: null }
  // Members may be left empty (PS3.18 §8.3.5.1.3): from the corner, to the edge.
  const [left, top, width, height] = source.map((one) => (one === '' ? null : wholeOf(one)))
  if ((left ?? 0) < 0 || (top ?? 0) < 0) throw new Problem('malformed', 'The region is not within the frame.')
  return { box, source: { left: left ?? 0, top: top ?? 0, width: width ?? null, height: height ?? null } }
}

function wholeOf(text: string): number {
  if (!/^-?\d{1,9}(?:\.0+)?$/.test(text))
    throw new Problem('malformed', 'The parameter viewport wants whole numbers.')
  return Number(text)
}

/** A size in pixels. */
export function sideOf(name: string, text: string | undefined): number {
  const side = /^\d{1,9}$/.test(text ?? '') ? Number(text) : 0
  if (side < 1 || side > LONGEST_SIDE) {
    throw new Problem('malformed', `The parameter ${name} wants sizes from 1 to ${LONGEST_SIDE} pixels.`)
  }
  return side
}

export function boxOf(name: string, width: number, height: number): PictureRequest['box'] {
  if (width * height > LARGEST_PICTURE) {
    throw new Problem('malformed', `The parameter ${name} wants more than ${LARGEST_PICTURE} pixels.`)
  }
  return { width, height }
}

/** The most pixels of the other side, where only one is given. */
export function otherSide(side: number): number {
  return Math.min(LONGEST_SIDE, Math.floor(LARGEST_PICTURE / side))
}
