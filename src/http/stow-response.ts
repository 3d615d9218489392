import type { StoreOutcome } from '../archive/store-outcome.ts'
import { dicomJsonText, type JsonDataSet, type JsonElement } from '../dicom/dicom-json.ts'
import { nativeXml } from '../dicom/native-xml.ts'
import { type HttpSettings, retrieveUrl } from './settings.ts'

type Addresses = Pick<HttpSettings, 'publicUrl'>

/** Longest text of a Long String (PS3.5 §6.2). */
const MOST_LO = 64
/** Success without a warning, but nothing was written: a sender that repeats itself may want to know. */
const SAME_AS_BEFORE = 'Same as stored before'

/**
 * The Store response (PS3.18 Table I.1-1): what became of each part, in the order of the parts. Sequences that would be
 * empty are left out, as they shall be. Error Comment (0000,0902) says in words why.
 */
export function storeResponse(outcomes: readonly StoreOutcome[], addresses: Addresses): JsonDataSet {
  const stored = outcomes.filter((outcome) => outcome.kind === 'stored')
  const refused = outcomes.filter((outcome) => outcome.kind === 'refused')
  const named = refused.filter((outcome) => outcome.SOPInstanceUID !== undefined)
  const nameless = refused.filter((outcome) => outcome.SOPInstanceUID === undefined)
  const [study, ...others] = new Set(stored.map(({ uids }) => uids.study))
  return {
    '00081190': element(
      'UR',
      study === undefined || others.length > 0 ? [] : [retrieveUrl(addresses, study)],
    ),
    ...sequence(
      '00081198',
      named.map(({ SOPClassUID, SOPInstanceUID, reason, comment }) => ({
        '00000902': element('LO', [shortened(comment)]),
        '00081150': element('UI', [SOPClassUID ?? '']),
        '00081155': element('UI', [SOPInstanceUID ?? '']),
        '00081197': element('US', [reason]),
      })),
    ),
    ...sequence(
      '00081199',
      stored.map(({ uids, SOPClassUID, warning, isNew }) => ({
        ...commentOf(warning?.comment ?? (isNew ? '' : SAME_AS_BEFORE)),
        '00081150': element('UI', [SOPClassUID]),
        '00081155': element('UI', [uids.instance]),
        '00081190': element('UR', [retrieveUrl(addresses, uids.study, uids.series, uids.instance)]),
        ...(warning && { '00081196': element('US', [warning.reason]) }),
      })),
    ),
    ...sequence(
      '0008119A',
      nameless.map(({ reason, comment }) => ({
        '00000902': element('LO', [shortened(comment)]),
        '00081197': element('US', [reason]),
      })),
    ),
  }
}

function commentOf(comment: string): JsonDataSet {
  return comment === '' ? {} : { '00000902': element('LO', [shortened(comment)]) }
}

/** The data set as text: one object (never an array), or one Native DICOM Model document. */
export function storeResponseText(response: JsonDataSet, media: string): string {
  if (media === 'application/dicom+xml') return nativeXml(response)
  return dicomJsonText(response)
}

/**
 * Status of the answer (PS3.18 Table 10.5.3-1). Never 207, which clients take for a failure.
 * @returns 200 all stored; 202 some, or with warnings; 409 none; 503 none because the archive was at fault
 */
export function storeStatus(outcomes: readonly StoreOutcome[]): 200 | 202 | 409 | 503 {
  if (!outcomes.some(({ kind }) => kind === 'stored')) {
    return outcomes.some((outcome) => outcome.kind === 'refused' && outcome.again) ? 503 : 409
  }
  return outcomes.every((outcome) => outcome.kind === 'stored' && outcome.warning === undefined) ? 200 : 202
}

function element(vr: JsonElement['vr'], Value: readonly (string | number)[]): JsonElement {
  return Value.length === 0 ? { vr } : { vr, Value }
}

function sequence(tag: string, items: JsonDataSet[]): JsonDataSet {
  return items.length === 0 ? {} : { [tag]: { vr: 'SQ', Value: items } }
}

function shortened(text: string): string {
  const flat = text.replaceAll('\\', '/')
  return flat.length <= MOST_LO ? flat : `${flat.slice(0, MOST_LO - 3)}...`
}
