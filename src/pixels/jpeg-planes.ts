/** Coefficients of a frame by component, and the order in which a scan has them (ISO/IEC 10918-1 §A.1, §A.2). */
import type { JpegFrame, JpegScan } from './jpeg-markers.ts'
import { UndecodableError } from './undecodable.ts'

export interface Plane {
  /** Samples of the component itself: fewer than the frame has where it is subsampled. */
  readonly width: number
  readonly height: number
  /** Samples of the frame that one of its own stands for, along a line and down. */
  readonly scale: readonly [number, number]
  /** Blocks of it in a unit of several components. */
  readonly horizontal: number
  readonly vertical: number
  /** Blocks in a line, with those that fill the last unit up. */
  readonly across: number
  /** 64 a block, in the order of the stream. */
  readonly coefficients: Int16Array
  /** As it stands when the first scan of the component begins. */
  quantization: Uint16Array | undefined
}

/** Room for what the scans of a frame tell. */
export function planesOf(frame: JpegFrame): Plane[] {
  const [most, mostDown] = largest(frame)
  const [unitsAcross, unitsDown] = units(frame)
  return frame.components.map(({ horizontal, vertical }) => {
    const scale = [most / horizontal, mostDown / vertical] as const
    if (!scale.every(Number.isInteger)) throw new UndecodableError('components of sizes that do not divide')
    const across = unitsAcross * horizontal
    return {
      width: Math.ceil(frame.width / scale[0]),
      height: Math.ceil(frame.height / scale[1]),
      scale,
      horizontal,
      vertical,
      across,
      coefficients: new Int16Array(across * unitsDown * vertical * 64),
      quantization: undefined,
    }
  })
}

function largest({ components }: JpegFrame): readonly [number, number] {
  return [
    Math.max(...components.map(({ horizontal }) => horizontal)),
    Math.max(...components.map(({ vertical }) => vertical)),
  ]
}

function units(frame: JpegFrame): readonly [number, number] {
  const [most, mostDown] = largest(frame)
  return [Math.ceil(frame.width / (8 * most)), Math.ceil(frame.height / (8 * mostDown))]
}

/** What a scan does with its blocks. */
export interface BlockWork {
  /** Part `part` of the scan has its next block at `at` of the coefficients. */
  readonly decode: (part: number, at: number) => void
  /** An interval has ended, and another begins. */
  readonly restart: () => void
}

/** Goes through the blocks of a scan: of one component by its lines, of several by units (§A.2.2, §A.2.3). */
export function eachBlock(scan: JpegScan, planes: readonly Plane[], work: BlockWork): void {
  const own = scan.parts.map(({ component }) => {
    const plane = planes[component]
    if (plane === undefined) throw new UndecodableError('a scan names a component that the frame has not')
    return plane
  })
  const [only] = own
  if (own.length === 1 && only !== undefined) eachOfOne(scan, only, work)
  else eachOfSeveral(scan, own, work)
}

function eachOfOne({ restartInterval }: JpegScan, plane: Plane, { decode, restart }: BlockWork): void {
  const [columns, lines] = [Math.ceil(plane.width / 8), Math.ceil(plane.height / 8)]
  for (let block = 0; block < columns * lines; block++) {
    if (restartInterval > 0 && block > 0 && block % restartInterval === 0) restart()
    decode(0, (Math.floor(block / columns) * plane.across + (block % columns)) * 64)
  }
}

function eachOfSeveral(
  { frame, restartInterval }: JpegScan,
  planes: readonly Plane[],
  { decode, restart }: BlockWork,
): void {
  const [across, down] = units(frame)
  for (let unit = 0; unit < across * down; unit++) {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) restart()
    const [column, line] = [unit % across, Math.floor(unit / across)]
    planes.forEach((plane, part) => {
      const { horizontal, vertical } = plane
      for (let y = line * vertical; y < (line + 1) * vertical; y++) {
        for (let x = column * horizontal; x < (column + 1) * horizontal; x++)
          decode(part, (y * plane.across + x) * 64)
      }
    })
  }
}
