// The details of one delivery, and what can be done with it.

let chosen = '';
let sends = false; // whether the page can send

// choose shows a delivery.
function choose(id) {
  chosen = id;
  for (const [other, { link }] of records) {
    if (other === id) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  if (location.hash !== '#r' + id) history.replaceState(null, '', '#r' + id);
  return showDetail();
}

at('list').addEventListener('click', async event => {
  const link = event.target.closest('a');
  if (!link) return;
  event.preventDefault();
  document.body.classList.add('reading');
  await choose(link.hash.slice(2));
  at('detail').focus();
});

// back goes from the details to the list.
function back() {
  document.body.classList.remove('reading');
  const record = records.get(chosen);
  if (record) record.link.focus();
}

let whole = ''; // the delivery of which all bytes are wanted
let current = null;

async function showDetail() {
  const id = chosen;
  try {
    const detail = await (await call('/api/records/' + id + (whole === id ? '?whole' : ''))).json();
    if (id !== chosen) return;
    current = detail;
    render(detail);
  } catch (error) {
    at('detail').replaceChildren(make('p', {}, 'This delivery cannot be shown: ' + error.message));
  }
}

// render keeps what is open, what has the focus and how far it is scrolled: a delivery may change
// while somebody reads it.
function render(detail) {
  const main = at('detail');
  const same = main.dataset.id === detail.id;
  const open = new Set(same ? [...main.querySelectorAll('details[open]')].map(element => element.id) : []);
  const focused = main.contains(document.activeElement) ? document.activeElement.id : '';
  const top = same ? main.scrollTop : 0;
  main.dataset.id = detail.id;
  main.replaceChildren(...[heading(detail), verification(detail), timeline(detail), received(detail), ledgerSection(detail),
    messages(detail), handler(detail), objects(detail)].flat().filter(Boolean));
  for (const id of open) if (at(id)) at(id).open = true;
  if (focused && at(focused)) at(focused).focus();
  main.scrollTop = top;
}

function heading(d) {
  const outcome = (d.status ? d.status + ' ' : '') + (d.outcome || d.standing);
  const button = (id, label, action) => make('button', { id, type: 'button', onclick: action }, label);
  return [
    make('button', { id: 'back', type: 'button', onclick: back }, '← List'),
    make('h2', {}, (d.type || '(no type)') + ' ', make('span', { class: d.standing.replace(' ', '-') }, outcome)),
    make('p', { class: 'dim' }, [d.webhook_id, d.tenant && 'tenant ' + d.tenant, d.subject, d.scheme, clock(d.at)].filter(Boolean).join(' · ')),
    d.standing === 'refused' ? make('p', { class: 'hint' }, 'This request is not verified: its type and subject are only what it claims.') : null,
    make('p', { class: 'buttons' },
      sends ? button('send', 'Send again', sendAgain) : null,
      sends && editable(d) ? button('edit-open', 'Edit and send', openEdit) : null,
      d.request || d.handled_by ? button('copy', 'Copy as curl', copyCurl) : null),
  ];
}

function verification(d) {
  const v = d.verification;
  if (!v) return [];
  const marks = { passed: '✓', failed: '✗', skipped: '–' };
  return [make('h3', {}, 'Verification'),
    make('ol', { class: 'steps', id: 'steps' }, ...v.steps.map(step => make('li', {},
      make('span', { class: step.outcome, 'aria-hidden': true }, marks[step.outcome]),
      make('span', {}, make('span', { class: 'visually-hidden' }, step.outcome + ': '), step.name),
      make('span', {}, step.detail)))),
    make('p', {}, v.accepted ? 'The receiver answers ' + v.status_code + ' ' + v.status + '.' : 'The receiver answers ' + v.status_code + ' ' + v.error + ': ' + v.message)];
}

const took = ms => ms >= 1000 ? (ms / 1000).toFixed(2) + ' s' : ms.toFixed(ms < 10 ? 2 : 0) + ' ms';

function timeline(d) {
  if (!d.timings) return [];
  return [make('h3', {}, 'How long it took'), table(d.timings.map(t => [t.step, took(t.took_ms)]))];
}

const table = pairs => make('table', {}, make('tbody', {}, ...pairs.map(([name, value]) => make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, value)))));

const fold = (id, label, ...inner) => make('details', { id }, make('summary', {}, label), ...inner);

// bytes shows a body: as text, and in a fold as bytes.
function bytes(id, body) {
  if (!body || !body.size) return [make('p', { class: 'dim' }, 'no body')];
  const parts = [make('pre', { tabindex: '0', role: 'group', 'aria-label': 'Body as text' }, body.text)];
  if (body.cut) {
    parts.push(make('button', { id: id + '-all', type: 'button', onclick: () => { whole = chosen; showDetail(); } }, 'Show all ' + body.size.toLocaleString() + ' bytes'));
  }
  parts.push(fold(id + '-hex', 'The bytes (' + body.size.toLocaleString() + (body.size > 4096 ? ', the first 4,096' : '') + ')',
    make('pre', { class: 'hex', tabindex: '0', role: 'group', 'aria-label': 'Body as bytes' }, body.hex)));
  return parts;
}

const half = (id, x) => [make('h4', {}, x.line + (x.took_ms ? ', after ' + took(x.took_ms) : '')),
  x.headers ? fold(id + '-headers', x.headers.length + ' headers', table(x.headers)) : null, ...(x.body ? bytes(id, x.body) : [])];

function received(d) {
  if (!d.request) return [];
  const parts = [make('h3', {}, 'Request and answer'), make('h4', {}, d.request.line), table(d.request.headers || []), ...bytes('request', d.request.body)];
  return d.answer ? parts.concat(half('answer', d.answer)) : parts;
}

function ledgerSection(d) {
  if (!d.documents) return [];
  return [make('h3', {}, 'Ledger'), ...d.documents.map((change, i) => fold('document-' + i,
    change.state + ' at ' + clock(change.at) + (i ? ', after ' + took(change.after_ms) : ''), table(change.fields)))];
}

function messages(d) {
  return (d.messages || []).flatMap((m, i) => [make('h3', {}, 'Message ' + m.id), table([['topic', m.topic], ['published', m.published], ...(m.attributes || [])]),
    ...bytes('message-' + i, m.data)]);
}

function handler(d) {
  if (!d.handled_by) return [];
  return [make('h3', {}, 'Local handler'), ...d.handled_by.flatMap((a, i) => [
    make('p', {}, 'Attempt ' + (i + 1) + ' at ' + clock(a.at) + (a.reason ? ', because ' + a.reason : '')),
    ...half('attempt-' + i, a.request), ...half('reply-' + i, a.answer)])];
}

const objects = d => d.objects ? [make('h3', {}, 'Collected objects'), table(d.objects)] : [];

// editable returns the body to edit, if it is text.
const editable = d => [d.request && d.request.body, d.messages && d.messages[0].data].find(body => body && typeof body.raw === 'string');

async function post(edit) {
  say('Sending …');
  try {
    const answer = await call('/api/records/' + chosen + '/send', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(edit) });
    say((await answer.json()).said);
  } catch (error) {
    say('It was not sent: ' + error.message);
  }
}

function sendAgain() {
  if (current && sends) post({});
}

function openEdit() {
  const body = current && sends && editable(current);
  if (!body) return;
  at('edit-body').value = body.raw;
  at('edit-note').textContent = body.raw.includes('\r') ? 'If you change it, its line ends become single line feeds.' : '';
  at('edit').showModal();
  at('edit-body').focus();
}

at('edit-send').addEventListener('click', () => {
  const raw = editable(current).raw;
  const text = at('edit-body').value;
  at('edit').close();
  // A text area has line feeds alone.
  post({ body: text === raw.replace(/\r\n?/g, '\n') ? raw : text, new_id: at('edit-new').checked });
});

async function copyCurl() {
  if (!current) return;
  try {
    const { command } = await (await call('/api/records/' + chosen + '/curl')).json();
    await navigator.clipboard.writeText(command);
    say('Copied. A signature is valid for five minutes from its timestamp.');
  } catch (error) {
    say('It was not copied: ' + error.message);
  }
}

(async () => {
  const wanted = /^#r(\d+)$/.exec(location.hash);
  if (wanted) chosen = wanted[1];
  follow();
  try {
    const about = await (await call('/api/about')).json();
    at('title').textContent = about.title;
    document.title = 'gemhook ' + about.title;
    sends = about.sends;
    if (chosen) choose(chosen);
  } catch (error) {
    say('The page cannot be shown: ' + error.message);
  }
})();
