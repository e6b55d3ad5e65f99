declare const __ZAKENAK_VERSION__: string | undefined;

/** Version of this tool: what the bundler wrote, or a development build's mark. */
export const version: string = typeof __ZAKENAK_VERSION__ === 'string' ? __ZAKENAK_VERSION__ : '0.0.0-dev';
