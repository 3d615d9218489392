import { selectMedia, type MediaRange } from './accept.ts'

export const JSON_TYPE = 'application/dicom+json'
export const XML_TYPE = 'application/dicom+xml'

const OFFERS = [
  { media: JSON_TYPE },
  { media: 'application/json' },
  { media: 'multipart/related', part: XML_TYPE },
  // Not to the letter, but a client that asks for XML so gets it where it can be had, in parts.
  { media: XML_TYPE },
] as const

/** How several data sets leave: one array of JSON, or an XML document each, in parts. */
export type DataSetForm =
  | { readonly isXml: false; readonly media: typeof JSON_TYPE | 'application/json' }
  | { readonly isXml: true; readonly media: typeof XML_TYPE }

/** What the client takes of metadata and results of a search (PS3.18 §8.7.3.2, §10.6.4); null: neither. */
export function dataSetForm(ranges: readonly MediaRange[]): DataSetForm | null {
  const media = selectMedia(ranges, OFFERS)?.offer.media
  if (media === undefined) return null
  if (media === JSON_TYPE || media === 'application/json') return { isXml: false, media }
  return { isXml: true, media: XML_TYPE }
}
