/** Being written: see README.md. */
export {};
