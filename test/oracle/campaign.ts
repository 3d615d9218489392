/** Many searches of many archives, all by one seed; what differs is made small. */
import { usePrivateElements } from '../../src/dicom/private-dictionary.ts'
import { startWorld, type World } from '../world.ts'
import { makeArchive, storedOf } from './made-archive.ts'
import { factsOf } from './facts.ts'
import { makeSearch } from './made-search.ts'
import { chance } from './random.ts'
import { EXPLAINED } from './pools.ts'
import { difference, HURRY, LIMITS, take } from './run.ts'
import { shrunk, tried, type Case } from './shrink.ts'

export type EngineName = 'sqlite' | 'postgres'

export interface Campaign {
  readonly seed: number
  readonly queries: number
  /** Searches of one archive, before the next one is made. */
  readonly perArchive: number
  /** Studies of an archive: at least, at most. */
  readonly studies?: readonly [number, number]
  /** `hurried`: of a service that gives searches no time. */
  readonly open: (hurried: boolean) => Promise<World>
  /** No more than so many differences are looked into. */
  readonly most: number
  readonly onAsked?: () => void
}

export interface Difference {
  readonly found: Case
  /** What differs, in the words of the small case where that could be had. */
  readonly what: string
}

export const openOn =
  (engine: EngineName) =>
  (hurried = false): Promise<World> =>
    startWorld({ engine, settings: hurried ? HURRY : LIMITS })

/** Runs a campaign; the same seed asks the same, on whatever engine. */
export async function campaign(options: Campaign): Promise<{ asked: number; differences: Difference[] }> {
  usePrivateElements(EXPLAINED)
  const luck = chance(options.seed)
  const differences: Difference[] = []
  let asked = 0
  for (let archives = 0; asked < options.queries && differences.length < options.most; archives++) {
    const open = (): Promise<World> => options.open(archives % 2 === 1)
    const [least, most] = options.studies ?? [3, 7]
    const steps = makeArchive(luck, least + luck.below(most - least + 1))
    const found: { search: Case['search']; what: string }[] = []
    await using world = await open()
    for (const step of steps) await take(world, step)
    const archive = storedOf(steps)
    const facts = factsOf(archive)
    for (let query = 0; query < options.perArchive && asked < options.queries; query++, asked++) {
      const search = makeSearch(luck, archive, facts)
      const what = await difference(world, archive, search)
      if (what !== null) found.push({ search, what })
      options.onAsked?.()
    }
    for (const { search, what } of found.slice(0, options.most - differences.length)) {
      const small = await shrunk({ steps, search }, open)
      differences.push({ found: small, what: (await tried(small, open)) ?? what })
    }
  }
  return { asked, differences }
}

/** A case as it can be pasted into `kept.test.ts`. */
export function printed({ found, what }: Difference): string {
  const comment = what.split('\n').map((line) => `  // ${line}`)
  return [
    ...comment,
    `  {`,
    `    name: '',`,
    `    steps: ${JSON.stringify(found.steps)},`,
    `    search: ${JSON.stringify(found.search)},`,
    `  },`,
  ].join('\n')
}
