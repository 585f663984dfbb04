// A teacher's rights: a token that comes after the # of an address, leaves it at once, and stays with this tab.
const KEY = "glass-class";

// {code, token, role} of this tab, or null.
export function rights() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function keepRights(code, token, role = "present") {
  sessionStorage.setItem(KEY, JSON.stringify({ code, token, role }));
}

export function dropRights() {
  sessionStorage.removeItem(KEY);
}

// "#remote=TOKEN" in the address of a class's page.
export function takeFromAddress(code) {
  const token = /^#remote=([\w-]{22})$/.exec(location.hash)?.[1];
  if (!token) return;
  keepRights(code, token, "remote");
  history.replaceState(history.state, "", location.pathname + location.search);
}

// The address that makes another browser this class's teacher.
export function teacherLink(root) {
  const { code, token } = rights();
  return `${new URL(".", root).href}#class=${code}.${token}`;
}
