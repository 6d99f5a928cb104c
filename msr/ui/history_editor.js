// A history editor in the page. The rows in the document are the truth about order and titles; `msr.editors[name]`
// reads them. Runs inside gr.HTML, which hands in `element` and `watch`.

const editor = () => element.querySelector('.editor');
const name = editor().dataset.editor;
const list = () => element.querySelector('.rows');
const rows = () => [...element.querySelectorAll('.entry')];
const hidden = (row) => ['picture', 'title'].find((what) => row.classList.contains(`hides-${what}`)) || '';
const past = [];
let present;

function title(row) {
  return row.querySelector('.entry-title').value.trim() || 'untitled';
}

function say(words) {
  element.querySelector('.editor-said').textContent = words;
}

// Numbers rows, marks where a block begins, names the buttons, and notes whether there is anything at all.
function number() {
  if (!editor()) return;
  const size = Math.max(1, Number(editor().dataset.blockSize) || 1);
  const all = rows();
  all.forEach((row, n) => {
    const begins = n % size === 0;
    row.classList.toggle('begins', begins);
    row.querySelector('.entry-block').textContent = begins ? `Block ${n / size + 1}` : '';
    row.querySelector('.entry-title').setAttribute('aria-label', `Title of item ${n + 1}`);
    const names = {
      up: `Move item ${n + 1} up`,
      down: `Move item ${n + 1} down`,
      remove: `Remove item ${n + 1}`,
      'hide-picture': `Mask the picture of item ${n + 1}`,
      'hide-title': `Mask the title of item ${n + 1}`,
    };
    for (const [act, words] of Object.entries(names)) {
      const button = row.querySelector(`[data-act=${act}]`);
      if (!button) continue;
      button.setAttribute('aria-label', words);
      button.title = words;
      if (act.startsWith('hide')) button.setAttribute('aria-pressed', hidden(row) === act.slice(5));
    }
    row.querySelector('[data-act=up]').disabled = n === 0;
    row.querySelector('[data-act=down]').disabled = n === all.length - 1;
  });
  const blocks = Math.ceil(all.length / size);
  const many = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
  element.querySelector('.editor-count').textContent =
    all.length ? `${many(all.length, 'item')} in ${many(blocks, 'block')}` : 'Your history';
  element.querySelector('[data-act=clear]').disabled = all.length === 0;
  element.querySelector('[data-act=undo]').disabled = past.length === 0;
  editor().classList.toggle('empty', all.length === 0);
  if (name === 'history') element.closest('.gradio-container').classList.toggle('has-history', all.length > 0);
}

const draft = () => rows().map((row) => ({
  id: row.dataset.id,
  title: row.querySelector('.entry-title').value,
  picture: row.dataset.picture,
  hidden: hidden(row),
}));
const key = () => JSON.stringify(draft());
const snapshot = () => ({ key: key(), html: list().innerHTML });
const keep = () => { if (name === 'history') window.msr.keep(draft()); };

// After any change: renumber, and keep what was there before for Undo.
function settle() {
  if (key() !== present.key) {
    past.push(present);
    if (past.length > 50) past.shift();
    present = snapshot();
    keep();
  }
  number();
}

function hide(row, what) {
  const now = hidden(row);
  row.classList.remove('hides-picture', 'hides-title');
  if (now !== what) row.classList.add(`hides-${what}`);
  settle();
  say(now === what ? `${title(row)} is whole again` : `${what} of ${title(row)} masked`);
}

const acts = {
  up(row) { move(row, -1); },
  down(row) { move(row, 1); },
  'hide-picture'(row) { hide(row, 'picture'); },
  'hide-title'(row) { hide(row, 'title'); },
  remove(row) {
    const next = row.nextElementSibling || row.previousElementSibling;
    say(`${title(row)} removed`);
    row.remove();
    settle();
    (next ? next.querySelector('[data-act=remove]') : element.querySelector('[data-act=undo]')).focus();
  },
  clear() {
    list().replaceChildren();
    settle();
    say('History cleared. Undo brings it back.');
    element.querySelector('[data-act=undo]').focus();
  },
  undo() {
    present = past.pop();
    list().innerHTML = present.html;
    keep();
    number();
    say('Undone');
  },
};

function move(row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  const focused = document.activeElement;
  list().insertBefore(row, step < 0 ? other : other.nextElementSibling);
  settle();
  if (row.contains(focused)) focused.focus(); // moving an element takes the focus from it
  if (document.activeElement !== focused) row.querySelector('.entry-tools button:not(:disabled)').focus();
  row.scrollIntoView({ block: 'nearest' });
  say(`${title(row)} is now item ${rows().indexOf(row) + 1}`);
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (button) acts[button.dataset.act](button.closest('.entry'));
});
element.addEventListener('input', (event) => {
  if (!event.target.matches('.entry-title')) return;
  // The attribute follows what is typed: a later rendering compares attributes, and undo keeps them.
  event.target.setAttribute('value', event.target.value);
  keep();
});
element.addEventListener('change', (event) => {
  if (event.target.matches('.entry-title')) settle();
});
element.addEventListener('keydown', (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = event.target.closest('.entry');
  if (row && step && event.altKey) {
    event.preventDefault();
    move(row, step);
  }
});

window.msr.editors[name] = {
  draft,
  block(size) {
    editor().dataset.blockSize = size;
    number();
  },
  // Masks what can be masked in every row, or nothing any more if all of it is masked already.
  hideAll(what) {
    const able = rows().filter((row) => row.querySelector(`[data-act=hide-${what}]`));
    const all = able.every((row) => hidden(row) === what);
    for (const row of able) {
      row.classList.remove('hides-picture', 'hides-title');
      if (!all) row.classList.add(`hides-${what}`);
    }
    settle();
  },
};

watch('value', settle);
present = snapshot();
number();
