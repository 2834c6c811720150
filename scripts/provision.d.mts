export declare const toolNames: readonly string[]
export declare function findTool(name: string): string | undefined
export declare function adviceFor(name: string): string
export declare function provision(say?: (line: string) => void): string[]
