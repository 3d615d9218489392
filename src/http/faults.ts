import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** Longest head of a request: viewers put hundreds of UIDs into one URL. */
export const MAX_HEADER_SIZE = 80 * 1024

type Fault = readonly [status: number, detail: string]

const NO_HTTP: Fault = [400, 'The request is not HTTP/1.1 as RFC 9112 has it.']
const BAD_URL: Fault = [
  400,
  'Blanks, and letters beyond ASCII, must be percent-encoded in a URL (RFC 3986 §2.1).',
]

/** RFC 9110 §15.6.2. */
const UNKNOWN_METHOD: Fault = [501, 'The method of the request is none that is known here.']

/** An error of Node's parser: why, and where in which bytes. */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** What Node's parser finds wrong, by the code of its error. */
const FAULTS: Readonly<Record<string, Fault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The head of the request did not come in time.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too long.'],
  HPE_HEADER_OVERFLOW: [431, `The head of a request may have ${MAX_HEADER_SIZE} bytes.`],
  HPE_INVALID_CONSTANT: BAD_URL,
  HPE_INVALID_METHOD: [400, 'The request begins with no method of HTTP.'],
  HPE_INVALID_URL: BAD_URL,
}

function faultOf(error: ParserError): Fault {
  const isUnknownMethod =
    error.code === 'HPE_INVALID_METHOD'
      ? REQUEST_LINE.test(lineOf(error))
      : // Methods of RTSP, which the parser takes until it has read the version.
        error.reason?.startsWith('Invalid method') === true
  return isUnknownMethod ? UNKNOWN_METHOD : (FAULTS[error.code ?? ''] ?? NO_HTTP)
}

/** A method may be any token (RFC 9110 §9.1, RFC 9112 §3). */
const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/\d\.\d$/

/** The line at which the parser stopped, without its end; '' where the bytes of it are not at hand. */
function lineOf({ rawPacket, bytesParsed = 0 }: ParserError): string {
  const text = rawPacket?.toString('latin1') ?? ''
  const from = text.lastIndexOf('\n', bytesParsed - 1) + 1
  return text.slice(from).split(/\r?\n/, 1)[0] ?? ''
}

const details = ([status, detail]: Fault): Buffer =>
  Buffer.from(JSON.stringify({ title: STATUS_CODES[status], status, detail }))

/**
 * Answers what is no request of HTTP with problem details (RFC 9457), as a request is answered, and ends the connection:
 * what would follow cannot be told apart.
 * @param hasBegun whether the request has an answer, or a part of one: what comes behind it would be taken for more of it
 */
export function answerFault(error: NodeJS.ErrnoException, socket: Duplex, hasBegun: boolean): void {
  if (!socket.writable || hasBegun) socket.destroy(error)
  else endWith(faultOf(error), socket, error)
}

/** {@link answerFault} of CONNECT, which no app is asked: nothing here is a proxy (RFC 9110 §9.3.6). */
export function answerConnect(socket: Duplex, hasBegun: boolean): void {
  // Node listens to no errors of such a socket any more.
  socket.on('error', () => undefined)
  if (!socket.writable || hasBegun) socket.destroy()
  else endWith(UNKNOWN_METHOD, socket)
}

function endWith(fault: Fault, socket: Duplex, error?: Error): void {
  const body = details(fault)
  const head = [
    `HTTP/1.1 ${fault[0]} ${STATUS_CODES[fault[0]]}`,
    'Cache-Control: no-store',
    'Content-Type: application/problem+json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.end(body, () => socket.destroy(error))
}

/** A request that cannot be asked of any app: of no host (RFC 9112 §3.2), or that expects what nobody does (RFC 9110 §10.1.1). */
export function refuse(response: ServerResponse, fault: Fault): void {
  const body = details(fault)
  response.writeHead(fault[0], {
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    Connection: 'close',
  })
  response.end(body)
}

export const NO_HOST: Fault = [400, 'The request has no Host.']
export const UNKNOWN_EXPECTATION: Fault = [417, 'Nothing but 100-continue can be expected here.']

/** HTTP/1.0 knows no Host. */
export const lacksHost = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers.host === undefined && httpVersion !== '1.0'
