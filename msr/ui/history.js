// The history editor in the page. The rows in the document are the truth about order and titles; `msr.draft()` reads
// them. Runs inside gr.HTML, which hands in `element` and `watch`.

const list = () => element.querySelector('.rows');
const rows = () => [...element.querySelectorAll('.entry')];
const past = [];
let present;

function title(row) {
  return row.querySelector('.entry-title').value.trim() || 'untitled';
}

function say(words) {
  const live = document.getElementById('editor-said');
  if (live) live.textContent = words;
}

// Numbers rows, marks where a block begins, names the buttons, and notes whether there is anything at all.
function number() {
  const editor = element.querySelector('.editor');
  if (!editor) return;
  const size = Math.max(1, Number(editor.dataset.blockSize) || 1);
  const all = rows();
  all.forEach((row, n) => {
    const begins = n % size === 0;
    row.classList.toggle('begins', begins);
    row.querySelector('.entry-block').textContent = begins ? `Block ${n / size + 1}` : '';
    row.querySelector('.entry-title').setAttribute('aria-label', `Title of item ${n + 1}`);
    const names = { up: `Move item ${n + 1} up`, down: `Move item ${n + 1} down`, remove: `Remove item ${n + 1}` };
    for (const [act, name] of Object.entries(names)) {
      const button = row.querySelector(`[data-act=${act}]`);
      button.setAttribute('aria-label', name);
      button.title = name;
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
  editor.classList.toggle('empty', all.length === 0);
  element.closest('.gradio-container').classList.toggle('has-history', all.length > 0);
}

const key = () => JSON.stringify(window.msr.draft());
const snapshot = () => ({ key: key(), html: list().innerHTML });

// After any change: renumber, and keep what was there before for Undo.
function settle() {
  if (key() !== present.key) {
    past.push(present);
    if (past.length > 50) past.shift();
    present = snapshot();
  }
  number();
}

const acts = {
  up(row) { move(row, -1); },
  down(row) { move(row, 1); },
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
  // The attribute follows what is typed: a later rendering compares attributes, and undo keeps them.
  if (event.target.matches('.entry-title')) event.target.setAttribute('value', event.target.value);
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

window.msr = {
  draft: () => rows().map((row) => ({ id: row.dataset.id, title: row.querySelector('.entry-title').value })),
  // The draft, when a run begins; where the outcome lies below the history, it is brought into sight.
  begin() {
    const outcome = document.getElementById('outcome');
    const narrow = outcome.getBoundingClientRect().top > element.getBoundingClientRect().bottom;
    if (narrow && rows().length) outcome.scrollIntoView({ behavior: 'smooth' });
    return window.msr.draft();
  },
  // Shows at once that Stop was heard; the run's own last view follows.
  stopping() {
    document.querySelector('.progress-line').textContent = 'Stopping';
    return [];
  },
  block(size) {
    element.querySelector('.editor').dataset.blockSize = size;
    number();
  },
};

watch('value', settle);
present = snapshot();
number();
