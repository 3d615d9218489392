import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { instanceOf, part10Of, part10PieceOf, type FileWish, type Piece } from '../archive/retrieve.ts'
import type { Viewer } from '../archive/viewing.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Uid } from '../dicom/data-set.ts'
import { transferSyntax } from '../dicom/transfer-syntax.ts'
import { Problem } from '../problem.ts'
import { abortedWith, sendOne } from './representation.ts'
import { fileSyntax, needsDecoding, PART10, type FileForm } from './wado-forms.ts'

/** What files are made with. */
export interface FileParts {
  readonly archive: Archive
  readonly viewer: Viewer
}

/** A file in the transfer syntax in which it leaves. */
export interface SentFile {
  readonly syntax: Uid
  readonly piece: Piece
}

/**
 * The file of an instance in what is wanted, null where it cannot be had so. What a codec refuses leaves as it is stored
 * where the client has left that open. `isAlone`: with its length and ranges where it leaves as it was received.
 */
export async function fileFor(
  { archive, viewer }: FileParts,
  instance: IndexedInstance,
  { wanted }: Pick<FileForm, 'wanted'>,
  { isAlone, signal }: { readonly isAlone: boolean; readonly signal: AbortSignal },
): Promise<SentFile | null> {
  const { TransferSyntaxUID } = instance
  const syntax = fileSyntax(TransferSyntaxUID, wanted, viewer.decodes(instance))
  if (syntax === null) return null
  if (!needsDecoding(TransferSyntaxUID, syntax)) return stored(archive, instance, syntax, isAlone)
  const whole = await instanceOf(archive, instance.uids, { tags: true, pixelMap: true })
  const piece = await viewer.decodedFile(whole, signal)
  if (piece !== null) return { syntax, piece }
  return wanted === undefined ? stored(archive, instance, TransferSyntaxUID, isAlone) : null
}

async function stored(
  archive: Archive,
  instance: IndexedInstance,
  syntax: Uid,
  isAlone: boolean,
): Promise<SentFile> {
  const wish = wishOf(instance, syntax)
  if (isAlone) return { syntax, piece: await part10PieceOf(archive, instance, wish) }
  return { syntax, piece: { length: null, open: () => part10Of(archive, instance, wish) } }
}

/** What must be done to a stored file for it to leave in a transfer syntax. */
function wishOf({ TransferSyntaxUID }: IndexedInstance, syntax: Uid): FileWish {
  const own = transferSyntax(TransferSyntaxUID)
  return { isExplicit: own?.web === false || (own?.deflated === true && syntax !== own.uid) }
}

/** One file as the body; 406 where it cannot be had in what is wanted. */
export async function sendFile(
  parts: FileParts,
  instance: IndexedInstance,
  wish: Pick<FileForm, 'wanted'>,
  request: Request,
  response: Response,
): Promise<void> {
  const file = await fileFor(parts, instance, wish, { isAlone: true, signal: abortedWith(response) })
  if (file === null) throw notAcceptable()
  await sendOne(request, response, {
    ...file.piece,
    media: `${PART10}; transfer-syntax=${file.syntax}`,
    headers: { 'Content-Disposition': attachment(instance) },
  })
}

/** How a browser names the file that it saves. */
export function attachment({ uids }: IndexedInstance): string {
  return `attachment; filename="${uids.instance}.dcm"`
}

export function notAcceptable(): Problem {
  return new Problem(
    'not-acceptable',
    'Instances are sent as multipart/related; type="application/dicom", one alone as application/dicom too, in Explicit ' +
      'VR Little Endian where they can be decoded, or with transfer-syntax=* as they are stored.',
  )
}
