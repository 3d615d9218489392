import type { DataSet, Tag } from '../../dicom/data-set.ts'
import type { JsonObject } from '../ports.ts'
import { coding } from './coding.ts'
import type { MappingSettings } from './settings.ts'
import { items, text, texts } from './values.ts'

/**
 * The people of an element of names, as references. A name is no identity: they are shown; where the identification
 * sequence beside it, whose items follow the order of the names (PS3.3 §C.7.2.1), has a code of a known scheme, that is the
 * identifier by which a Practitioner may be found.
 */
export function people(
  dataSet: DataSet,
  [names, identification]: readonly [names: Tag, identification: Tag],
  settings: MappingSettings,
): JsonObject[] {
  const identifications = items(dataSet, identification)
  return texts(dataSet, names).map((display, at) => {
    const identifier = personIdentifier(identifications[at], dataSet, settings)
    return identifier ? { type: 'Practitioner', identifier, display } : { display }
  })
}

/** Person Identification Code Sequence (0040,1101) of a Person Identification Macro (PS3.3 Table 10-1). */
function personIdentifier(
  item: DataSet | undefined,
  root: DataSet,
  { issuers }: MappingSettings,
): JsonObject | undefined {
  const code = item && items(item, '00401101')[0]
  if (!code) return undefined
  const value = text(code, '00080100') || text(code, '00080119')
  const system = coding(code, root)?.['system'] ?? issuers?.get(text(code, '00080102'))
  return value === '' || system === undefined ? undefined : { system, value }
}
