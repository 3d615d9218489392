import { setTimeout as sleep } from 'node:timers/promises'
import type { FhirLink } from '../database/ports/fhir-state.ts'
import { changedAttributes, dicomPerson } from '../fhir/mapping/dicom-person.ts'
import type { PatientKey } from '../fhir/mapping/identifiers.ts'
import { patientProjection } from '../fhir/mapping/patient.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'
import { hasIdentifier, tokenParts } from '../fhir/mapping/same.ts'
import { type FhirServer, isFhirError, type JsonObject, type Stored } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'
import type { CorrectionPolicies } from './correct-policy.ts'
import { survivorOf } from './sync-patient.ts'
import { newPatients, type Place, type Strategy, strategyOf } from './watch-changes.ts'
import { patientChange, proposeForPatient, proposeForSubject } from './watch-propose.ts'
import { bearerOf, hasLost, proposeBack, tellSeparated } from './watch-separated.ts'
import { movedSubjects, type Seen } from './watch-subjects.ts'

export interface WatchSettings {
  readonly mapping: MappingSettings
  readonly policy: CorrectionPolicies
  /** Between two looks. */
  readonly pollMs: number
  /** Told when a correction was proposed, and what went wrong. */
  readonly report: (event: { readonly what: 'proposed' | 'fault'; readonly error?: unknown }) => void
}

export interface WatchState {
  /** How changes of Patients are found; null: not yet known. */
  readonly strategy: Strategy | null
  readonly lastPollAt: Date | null
  /** In words, without data of a patient; null when nothing is wrong. */
  readonly problem: string | null
  /** Patients looked at, and corrections proposed, since the start. */
  readonly looked: number
  readonly proposed: number
}

export interface Watch {
  /** Somebody says that a Patient has changed: look now. It need not be true. */
  wake(): void
  stop(): Promise<void>
  state(): WatchState
}

/** Between two looks at least, however often it is called. */
const LEAST_PAUSE_MS = 500

interface Watcher {
  readonly archive: Archive
  readonly server: FhirServer
  readonly settings: WatchSettings
  strategy: Strategy | null
  place: Place | null
  /** ImagingStudies whose subject was looked at. */
  readonly seen: Seen
  lastPollAt: Date | null
  problem: string | null
  looked: number
  proposed: number
}

/**
 * Watches the Patients that studies are linked to, and proposes a correction where one of them changes in a way that
 * DICOM knows (design §7). Looking is the truth: a notification only makes it look sooner, and one that is lost costs
 * time. What a Patient said when its study was linked is kept, so that nothing is proposed twice, and nothing is missed
 * while the service was down.
 */
export function startWatch(archive: Archive, server: FhirServer, settings: WatchSettings): Watch {
  const watcher: Watcher = {
    ...{ archive, server, settings, strategy: null, place: null, seen: new Map() },
    ...{ lastPollAt: null, problem: null, looked: 0, proposed: 0 },
  }
  const stop = new AbortController()
  let isWoken = false
  let wakeUp = (): void => undefined
  const leastMs = Math.min(settings.pollMs, LEAST_PAUSE_MS)
  const isWanted = (): boolean => isWoken || stop.signal.aborted
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      isWoken = false
      if (await look(watcher, stop.signal)) continue
      // What hundreds of calls tell of is looked at once.
      await sleep(leastMs, undefined, { signal: stop.signal }).catch(() => undefined)
      if (!isWanted()) await pause(settings.pollMs - leastMs)
    }
  }

  const running = run()
  return {
    wake: () => {
      isWoken = true
      wakeUp()
    },
    stop: async () => {
      stop.abort()
      wakeUp()
      await running
    },
    state: () => {
      const { strategy, lastPollAt, problem, looked, proposed } = watcher
      return { strategy, lastPollAt, problem, looked, proposed }
    },
  }
}

/** One look; whether there is more to look at. Faults are told, and end it: the next one begins where this one did. */
async function look(watcher: Watcher, signal: AbortSignal): Promise<boolean> {
  const { archive, server, settings } = watcher
  try {
    watcher.strategy ??= await strategyOf(server)
    watcher.lastPollAt = archive.now()
    watcher.problem = null
    if (watcher.strategy === null) return false
    const found = await newPatients({ archive, server }, watcher.strategy, watcher.place)
    for (const { link, patient } of found.patients) {
      if (signal.aborted) return false
      watcher.looked++
      await compare(watcher, link, patient)
    }
    watcher.place = await found.keep()
    await lookAtSubjects(watcher, watcher.strategy, signal)
    return found.isMore
  } catch (error) {
    watcher.problem = isFhirError(error) ? error.message : 'the index does not answer'
    settings.report({ what: 'fault', error })
    return false
  }
}

/** Studies that were given another Patient. */
async function lookAtSubjects(watcher: Watcher, strategy: Strategy, signal: AbortSignal): Promise<void> {
  const { archive, server, settings } = watcher
  const ports = { archive, server, mapping: settings.mapping }
  const { found, keep } = await movedSubjects(ports, strategy, watcher.seen)
  for (const one of found) {
    if (signal.aborted) return
    if (await proposeForSubject({ archive, server }, settings, one)) count(watcher, 1)
  }
  await keep()
}

/** Compares a Patient, or whoever has replaced it, with what it said when last looked at. */
async function compare(watcher: Watcher, link: FhirLink, patient: Stored): Promise<void> {
  const { archive, server, settings } = watcher
  const [system, value] = tokenParts(link.key)
  const key: PatientKey = { system, value }
  const survivor = await survivorOf({ server }, patient)
  const before = link.projection === null ? null : (JSON.parse(link.projection) as JsonObject)
  const isLost = before !== null && hasLost(before, survivor.resource, key)
  const bearer = isLost ? await bearerOf(server, link.key) : survivor
  const said = bearer ?? survivor
  const projection = patientProjection(said.resource)
  if (projection === link.projection) return
  if (bearer === null) await tellSeparated(archive, settings, key, survivor)
  else if (before !== null) count(watcher, await propose(watcher, key, before, bearer))
  // Only now: what could not be proposed is found again.
  const isMoved = said.id !== patient.id && hasIdentifier(said.resource, link.key)
  const { id, versionId } = isMoved ? said : patient
  await archive.database.fhir.saveLink({ ...link, id, versionId, projection })
}

/** Proposes what follows from what a Patient says now; how many proposals were new. */
async function propose(
  { archive, settings }: Watcher,
  key: PatientKey,
  before: JsonObject,
  patient: Stored,
): Promise<number> {
  const was = dicomPerson(before, key)
  const attributes = changedAttributes(was, dicomPerson(patient.resource, key))
  if (Object.keys(attributes).length === 0) return 0
  const change = { key, attributes, description: patientChange(patient) }
  const proposed = await proposeForPatient(archive, settings, change)
  return proposed + (await proposeBack(archive, settings, { key, patient, before: was }))
}

function count(watcher: Watcher, proposed: number): void {
  watcher.proposed += proposed
  if (proposed > 0) watcher.settings.report({ what: 'proposed' })
}
