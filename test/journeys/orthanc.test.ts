/** Orthanc, as Debian has it, is the client: its DICOMweb plugin sends whole studies with STOW-RS, asks, and fetches them back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../scripts/running-service.ts'
import { ct, jpeg, type Sample, series, sr } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

const ORTHANC = '/usr/sbin/Orthanc'
const [PLUGIN] = globSync('/usr/{lib,share}/orthanc/**/libOrthancDicomWeb.so*')
const isHere = existsSync(ORTHANC) && PLUGIN !== undefined
if (!isHere) console.info('skipped: no Orthanc with its DICOMweb plugin')

interface Orthanc extends AsyncDisposable {
  /** Answers the body; rejects with what Orthanc says when it is no success. */
  post(path: string, body: Buffer | object): Promise<unknown>
  get(path: string): Promise<unknown>
  remove(path: string): Promise<unknown>
  /** MD5 of each file it has, by its own id. */
  digests(): Promise<ReadonlyMap<string, string>>
}

/** An Orthanc of its own whose server `concord` is this world. */
async function startOrthanc(world: World): Promise<Orthanc> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-orthanc-'))
  const port = await freePort()
  await mkdir(join(folder, 'plugins'))
  await symlink(String(PLUGIN), join(folder, 'plugins', 'libOrthancDicomWeb.so'))
  await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration(folder, port, world)))
  const child = spawn(ORTHANC, [join(folder, 'orthanc.json')], { stdio: 'ignore' })
  const base = `http://127.0.0.1:${port}`
  await until(() => isUp(base, child))
  const ask = (path: string, init: RequestInit = {}) => askOrthanc(base + path, init)
  return {
    get: (path) => ask(path),
    post: (path, body) =>
      ask(path, {
        method: 'POST',
        body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
      }),
    remove: (path) => ask(path, { method: 'DELETE' }),
    async digests() {
      const ids = (await ask('/instances')) as string[]
      const found = ids.map(async (id) => [id, await ask(`/instances/${id}/attachments/dicom/md5`)] as const)
      return new Map((await Promise.all(found)).map(([id, digest]) => [id, String(digest)]))
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      if (child.exitCode === null && child.kill()) await gone
      await rm(folder, { recursive: true })
    },
  }
}

function configuration(folder: string, port: number, world: World): object {
  return {
    StorageDirectory: folder,
    IndexDirectory: folder,
    Plugins: [join(folder, 'plugins')],
    HttpPort: port,
    HttpBindAddresses: ['127.0.0.1'],
    DicomServerEnabled: false,
    AuthenticationEnabled: false,
    DicomWeb: { Enable: true, Servers: { concord: { Url: `${world.url}/dicomweb/`, HasDelete: true } } },
  }
}

async function isUp(base: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`Orthanc ended with ${child.exitCode}`)
  return fetch(`${base}/system`).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function askOrthanc(url: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(url, init)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`Orthanc answered ${answer.status}: ${text}`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

;(isHere ? describe : describe.skip)('Orthanc as a client', () => {
  it('sends studies, finds them, and has the same files back', async () => {
    await using world = await startWorld()
    await using orthanc = await startOrthanc(world)
    const slices: readonly Sample[] = series(ct, 5, { PatientID: 'A', PatientName: 'Doe^Jane' })
    const samples = [...slices, jpeg({ PatientID: 'B' }), sr({ PatientID: 'C' })]
    for (const { bytes } of samples) await orthanc.post('/instances', bytes)
    const sent = await orthanc.digests()
    const studies = (await orthanc.get('/studies')) as string[]

    await orthanc.post('/dicom-web/servers/concord/stow', { Resources: studies, Synchronous: true })

    const rows = await world.qido('/instances')
    expect(rows.map((row) => row['00080018']?.Value?.[0]).sort()).toEqual(
      samples.map(({ uids }) => uids.instance).sort(),
    )
    const found = await orthanc.post('/dicom-web/servers/concord/qido', {
      Uri: '/studies',
      Arguments: { '00100020': 'A' },
    })
    expect(found).toMatchObject([{ '0020000D': { Value: slices[0]?.uids.study } }])

    for (const study of studies) await orthanc.remove(`/studies/${study}`)
    const resources = [...new Set(samples.map(({ uids }) => uids.study))].map((Study) => ({ Study }))
    await orthanc.post('/dicom-web/servers/concord/retrieve', { Resources: resources })
    expect(await orthanc.digests()).toEqual(sent)
  })
})
