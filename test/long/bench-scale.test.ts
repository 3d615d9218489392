/** A short run of `npm run bench -- --scale N` comes to its table. */
import { runToEnd } from '../../scripts/running-service.ts'

describe('npm run bench -- --scale', () => {
  it('comes to a table with every question, and counts what it stored', async () => {
    const args = ['--scale', '4000', '--steps', '1000,4000', '--repetitions', '1', '--plans']
    const { status, output } = await runToEnd('scripts/bench.ts', args, {})
    expect(output).not.toMatch(/no answer to/)
    expect(status).toBe(0)
    expect(output).toMatch(/^ +4000 instances of \d+ patients, \d+ studies, \d+ series; \d+ instances\/s$/m)
    expect(output).toMatch(/^ {2}together +\d+$/m)
    expect(output).toMatch(/^\d+ instances deleted and [1-9]\d* corrected in/m)
    expect(output).toMatch(/^count of instances +14 B +1000→4000 /m)
    expect(output).toMatch(/^count of studies: \/studies\/count\n {2}SELECT .*\n {6}(?:SCAN|SEARCH) /m)
    expect(output).toMatch(/^instances, 80 % offset, 100, by its link +\d+ KB +100 /m)
    expect(output).toMatch(/^series metadata, 3,000 +\d+ KB +-→3000 /m)
    expect(output).toMatch(/^\d+ bars: \d+ met, \d+ NOT MET, \d+ not known without --peer$/m)
  }, 180_000)
})
