import { correctionRoutes } from '../../src/http/admin-corrections.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { startWorld } from '../world.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }
const nobody = { wake: () => undefined, stop: () => Promise.resolve() }

describe('a body of JSON', () => {
  it('is refused where it is too long, or no object', async () => {
    await using world = await startWorld({
      more: (archive) => [
        { at: '/admin', router: correctionRoutes(archive, everyKind('approve'), nobody), access: 'admin' },
      ],
    })
    const post = async (body: string) =>
      (await world.ask('/admin/corrections', { method: 'POST', headers: JSON_TYPE, body })).status
    expect(await post(`{"study": "${'1'.repeat(70_000)}"}`)).toBe(413)
    expect(await post(`{"study": "${'1'.repeat(3_000_000)}"}`)).toBe(413)
    expect(await post('{"study"')).toBe(400)
    expect(await post('[]')).toBe(400)
  })
})
