/** The short form of `npm run test:oracle`, and whether it would notice anything. */
import { startWorld } from '../world.ts'
import { campaign, openOn, printed } from './campaign.ts'
import { LIMITS } from './run.ts'

describe.each(['sqlite', 'postgres'] as const)('searches on %s', (engine) => {
  it('are answered as the oracle says', async () => {
    const { asked, differences } = await campaign({
      seed: 20261124,
      queries: 200,
      perArchive: 100,
      most: 2,
      open: openOn(engine),
    })
    expect(differences.map(printed)).toEqual([])
    expect(asked).toBe(200)
  })
})

describe('the oracle', () => {
  it('notices a service that loses a kind of key, and finds a small case of it', async () => {
    // A service that forgets every key with a wildcard in it.
    const open = () =>
      startWorld({
        settings: LIMITS,
        through: (archive) => {
          const { index } = archive.database
          const search: typeof index.search = (query, signal) =>
            index.search(
              { ...query, keys: query.keys.filter(({ match }) => match.kind !== 'wildcard') },
              signal,
            )
          return { ...archive, database: { ...archive.database, index: { ...index, search } } }
        },
      })
    const { differences } = await campaign({
      seed: 1,
      queries: 200,
      perArchive: 100,
      studies: [1, 2],
      most: 1,
      open,
    })
    const [first] = differences
    const stored = first?.found.steps.flatMap((step) => ('store' in step ? step.store : []))
    expect(stored).toHaveLength(1)
    expect(first?.found.search.params).toHaveLength(1)
    expect(first?.found.search.params[0]?.[1]).toMatch(/[*?]/u)
  })
})
