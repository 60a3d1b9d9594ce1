/** The hello of this build. */
import { controlProtocol, type HelloMessage, maxMessageBytes } from './messages.ts';

export const ourHello = (agent: string, pid: number): HelloMessage => ({
	proto: [controlProtocol.min, controlProtocol.max],
	agent,
	pid,
	maxFrame: maxMessageBytes,
});
