/**
 * Everything in one command: the service, studies made by code, and a stand-in for the hospital's FHIR server.
 *
 *   npm run demo                 stays up until Ctrl-C; nothing of it is left afterwards
 *   npm run demo -- --port 9000
 *   npm run demo -- --ohif       and OHIF, a viewer, which the console then opens studies in; 50 MB from npm, once
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { stow } from './bench/http-client.ts'
import { fetchOhif, serveOhif } from './demo/ohif.ts'
import { demoFiles } from './demo/studies.ts'
import { allIn, freePort, isFree, startService } from './running-service.ts'
import { startFhirStandIn } from './stand-ins/fhir-server.ts'

interface Shown {
  readonly title: string
  readonly url: string
}

interface Options {
  readonly port: number
  readonly fhirPort: number
  readonly ohif?: boolean
  readonly ohifPort: number
  readonly exit?: boolean
}

async function main(options: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-demo-'))
  const port = (await isFree(options.port)) ? options.port : await freePort()
  const fhirPort = (await isFree(options.fhirPort)) ? options.fhirPort : await freePort()
  const fhir = await startFhirStandIn({ port: fhirPort })
  const base = `http://127.0.0.1:${port}`
  const viewer = options.ohif === true ? await startViewer(options.ohifPort, `${base}/dicomweb`) : undefined
  const service = await startService({
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: base,
    ...allIn(folder),
    FHIR_URL: fhir.url,
    FHIR_VERSION: 'R4',
    FHIR_QUIET_MS: '300',
    FHIR_MAX_WAIT_MS: '2000',
    CORS_ORIGINS: viewer?.url ?? '',
    VIEWER_URL: viewer === undefined ? '' : `${viewer.url}/viewer?StudyInstanceUIDs={study}`,
    LOG_LEVEL: 'warn',
  })
  const stop = async () => {
    await service.stop()
    await fhir.stop()
    await viewer?.stop()
    await rm(folder, { recursive: true, force: true })
  }
  closeWithGrace({ delay: 10_000, logger: false }, stop)
  const stored = await storeAll(`${base}/dicomweb`)
  const studies = await untilOnFhirServer(fhir.url, stored.studies)
  say(
    `\nConcord is up. ${stored.instances} instances of ${stored.studies} studies are stored, made by code: nobody in them ever lived.\n`,
  )
  say(`  ${base}/              the console: search, studies with every tag, status, upload`)
  if (viewer)
    say(`  ${viewer.url}/              OHIF, a viewer, reading from Concord; the console opens studies in it`)
  say(`  ${base}/dicomweb      QIDO-RS, WADO-RS, STOW-RS: point a viewer here`)
  say(`  ${base}/admin/fhir    what is owed to the FHIR server`)
  say(
    `  ${fhir.url}          STAND-IN for your FHIR server, for this demo only; ${studies} ImagingStudy resources are on it`,
  )
  for (const one of await questions(base, fhir.url)) {
    say(`\n${one.title}\n  curl -s '${one.url}'`)
    say(indent(await answerTo(one.url)))
  }
  say(options.exit === true ? '' : '\nCtrl-C stops everything; nothing of it is left.')
  if (options.exit === true) await stop()
}

async function startViewer(port: number, dicomweb: string) {
  say('Fetching OHIF from npm, unless it is in the cache …')
  return serveOhif(await fetchOhif(), (await isFree(port)) ? port : await freePort(), () => dicomweb)
}

async function storeAll(base: string): Promise<{ instances: number; studies: number }> {
  const files = demoFiles()
  const answer = await stow(
    base,
    files.map(({ bytes }) => bytes),
  )
  if (answer.status !== 200) throw new Error(`STOW answered ${answer.status}: ${answer.body.toString()}`)
  const studies = (await (await fetch(`${base}/studies`)).json()) as unknown[]
  return { instances: files.length, studies: studies.length }
}

async function untilOnFhirServer(url: string, wanted: number): Promise<number> {
  for (let tries = 0; ; tries++) {
    const bundle = (await (await fetch(`${url}/ImagingStudy`)).json()) as { total?: number }
    if ((bundle.total ?? 0) >= wanted || tries === 60) return bundle.total ?? 0
    await sleep(250)
  }
}

async function questions(base: string, fhir: string): Promise<Shown[]> {
  const [study] = (await (await fetch(`${base}/dicomweb/studies?PatientName=yamada*`)).json()) as Record<
    string,
    { Value?: string[] }
  >[]
  const uid = study?.['0020000D']?.Value?.[0] ?? ''
  return [
    {
      title: 'Every CT series made by a Philips machine, whoever the patient is:',
      url: `${base}/dicomweb/series?Modality=CT&Manufacturer=*Philips*`,
    },
    {
      title: 'A tag inside a sequence: which instances are coded as a finding?',
      url: `${base}/dicomweb/instances?ContentSequence.ConceptNameCodeSequence.CodeValue=121071&includefield=ContentSequence`,
    },
    {
      title: 'The chest of Yamada Hanako as the FHIR server has it:',
      url: `${fhir}/ImagingStudy?identifier=urn:dicom:uid|urn:oid:${uid}`,
    },
  ]
}

async function answerTo(url: string): Promise<string> {
  const text = JSON.stringify(await (await fetch(url)).json())
  return text.length > 900 ? `${text.slice(0, 900)} …` : text
}

function indent(text: string): string {
  return (text.match(/.{1,100}(?:[,\s]|$)|.{106}/g) ?? []).map((line) => `    ${line.trimEnd()}`).join('\n')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = new Command('demo')
  .description(
    'Starts the service with studies made by code and a stand-in FHIR server, and shows what to open.',
  )
  .option('--port <n>', 'of the service; another if it is taken', Number, 8080)
  .option('--fhir-port <n>', 'of the stand-in FHIR server; another if it is taken', Number, 8081)
  .option('--ohif', 'serve OHIF too, a viewer, and link the console to it')
  .option('--ohif-port <n>', 'of OHIF; another if it is taken', Number, 3000)
  .option('--exit', 'stop once everything has been shown')
  .parse()
await main(program.opts())
