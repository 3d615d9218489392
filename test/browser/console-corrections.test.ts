/** A correction that waits is looked at and approved in the console, and what is found afterwards is what was approved. */
import { startCorrector } from '../../src/archive/correct.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { correctionRoutes } from '../../src/http/admin-corrections.ts'
import { ct, series } from '../samples.ts'
import { startConsole } from './console-world.ts'
import { describeInBrowser, shot } from './harness.ts'

describeInBrowser('corrections in the console', () => {
  it('are shown with what would change, approved, and seen in the study', async () => {
    let stop = (): Promise<void> => Promise.resolve()
    const faults: unknown[] = []
    await using console = await startConsole({
      more: (archive) => {
        const corrector = startCorrector(archive, { limits: {}, note: 'identity' }, ({ error }) => {
          if (error !== undefined) faults.push(error)
        })
        stop = () => corrector.stop()
        return [
          {
            at: '/admin',
            router: correctionRoutes(archive, everyKind('approve'), corrector),
            access: 'admin',
          },
        ]
      },
    })
    try {
      const images = series(ct, 3, { PatientName: 'Wrong^Name', PatientID: 'P-1' })
      await console.world.store(...images)
      const study = images[0]?.uids.study ?? ''
      await console.world.ask('/admin/corrections', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          study,
          attributes: { PatientName: 'Right^Name' },
          description: 'by the ward',
        }),
      })

      const page = await console.open('#/status')
      const panel = page.getByRole('region', { name: 'Corrections' })
      await panel.getByRole('row', { name: 'Patient Name Wrong, Name Right, Name' }).waitFor()
      expect(await panel.innerText()).toContain('by the ward')
      await shot(page, 'corrections')
      await panel.getByRole('button', { name: 'Approve' }).click()
      await panel.getByText('done', { exact: true }).waitFor({ timeout: 30_000 })
      await panel.getByRole('link', { name: study }).click()
      await page.getByRole('heading', { level: 1, name: 'Right, Name' }).waitFor()
      await page.getByRole('link', { name: /3 instances/ }).click()
      await page.getByText('by a correction').waitFor()
      await shot(page, 'corrected')
      expect(faults).toEqual([])
      console.expectNoFaults()
    } finally {
      await stop()
    }
  }, 60_000)
})
