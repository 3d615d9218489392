/** Real files, and searches by chance for the values that they have. */
import { readPart10 } from '../../src/dicom/reader.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import type { World } from '../world.ts'
import { withTellers, type Stored } from '../oracle/archive.ts'
import { openOn } from '../oracle/campaign.ts'
import { factsOf } from '../oracle/facts.ts'
import { makeSearch } from '../oracle/made-search.ts'
import { storedAs } from '../oracle/made-archive.ts'
import { chance } from '../oracle/random.ts'
import { difference } from '../oracle/run.ts'

const SEED = 386
const SEARCHES = 150

/** Stores one file after the other: those that are in the archive now, each SOP Instance UID once. */
async function storeAll(world: World): Promise<Stored[]> {
  const stored = new Map<string, Stored>()
  for (const path of corpusPaths()) {
    const bytes = corpusFile(path)
    const answer = await world.stow([bytes])
    if (answer.status !== 200 && answer.status !== 202) continue
    const parsed = readPart10(bytes)
    if (!stored.has(parsed.uids.instance)) stored.set(parsed.uids.instance, storedAs(parsed))
  }
  return withTellers([...stored.values()])
}

describeCorpus('searches in the corpus', () => {
  it.each(['sqlite', 'postgres'] as const)(
    `are answered on %s as the oracle says (seed ${SEED})`,
    async (engine) => {
      await using world = await openOn(engine)()
      const archive = await storeAll(world)
      expect(archive.length).toBeGreaterThan(250)
      const facts = factsOf(archive)
      const luck = chance(SEED)
      const differences: unknown[] = []
      for (let asked = 0; asked < SEARCHES; asked++) {
        const search = makeSearch(luck, archive, facts)
        const what = await difference(world, archive, search)
        if (what !== null) differences.push({ search, what })
      }
      expect(differences).toEqual([])
    },
    240_000,
  )
})
