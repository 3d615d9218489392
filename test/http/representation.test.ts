import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Response } from 'express'
import { abortedWith } from '../../src/http/representation.ts'

describe('who waits for a client to go away', () => {
  it('asks once an answer, however many ask', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket())) as Response
    const signal = abortedWith(response)
    expect(abortedWith(response)).toBe(signal)
    expect(response.listenerCount('close')).toBe(1)
    response.emit('close')
    expect(signal.aborted).toBe(true)
  })
})
