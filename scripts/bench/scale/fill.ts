import { stow } from '../http-client.ts'
import { seriesOf, type MadeArchive, type MadeSeries } from './made-archive.ts'
import { instanceOf, templateOf, type Template } from './template.ts'

/** How fast a part of the archive came in. */
export interface Window {
  readonly from: number
  readonly to: number
  /** Instances a second. */
  readonly rate: number
}

export interface Load {
  /** Uploads at a time, and instances in each. */
  readonly clients: number
  readonly batch: number
  /** Instances a window, but for the last one. */
  readonly window: number
  readonly onWindow: (window: Window) => void
}

/**
 * Stores the instances from number `from` to before `to` with STOW-RS, made while they are sent. Throws when one is not
 * stored.
 */
export async function fill(
  base: string,
  archive: MadeArchive,
  { from, to }: { readonly from: number; readonly to: number },
  { clients, batch, window, onWindow }: Load,
): Promise<void> {
  const make = maker(archive)
  let [next, done] = [from, from]
  let began = { at: performance.now(), done }
  const client = async () => {
    while (next < to) {
      const first = next
      next = Math.min(to, first + batch)
      const files = Array.from({ length: next - first }, (_, index) => make(first + index))
      const { status } = await stow(base, files)
      if (status !== 200) throw new Error(`STOW of the instances from ${first} on answers ${status}`)
      done += files.length
      if (done - began.done < window && done < to) continue
      const now = performance.now()
      onWindow({ from: began.done, to: done, rate: ((done - began.done) * 1000) / (now - began.at) })
      began = { at: now, done }
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

/** Templates of so many series are kept: uploads side by side are of neighbours. */
const KEPT = 32

/** Makes the `n`-th instance of an archive. */
export function maker(archive: MadeArchive): (n: number) => Buffer {
  const templates = new Map<MadeSeries, Template>()
  return (n) => {
    const series = seriesOf(archive, n)
    const known = templates.get(series)
    if (known !== undefined) return instanceOf(known, n)
    const template = templateOf(series)
    templates.set(series, template)
    const oldest = templates.keys().next().value
    if (templates.size > KEPT && oldest !== undefined) templates.delete(oldest)
    return instanceOf(template, n)
  }
}
