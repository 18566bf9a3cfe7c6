/** Which dialogs are open, topmost last: keys and Escape belong to that one alone. */

const stack: object[] = [];

export const dialogIsOpen = (): boolean => stack.length > 0;
export const isTopmost = (one: object): boolean => stack[stack.length - 1] === one;

/** Count a dialog as open until the function that is returned is called. */
export function openOverlay(one: object): () => void {
  stack.push(one);
  return () => {
    const at = stack.indexOf(one);
    if (at >= 0) stack.splice(at, 1);
  };
}
