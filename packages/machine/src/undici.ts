/** The part of undici that HTTP needs, to be imported at first use: the bundler gives a CommonJS package that is imported dynamically no names. */
export { Agent, ProxyAgent, request } from 'undici';
