// The report page without this file does everything; with it, it also says what paper cannot:
// that there is no network, that a button was pressed already, how long a remark has become, and what the report cost.
// Plain old syntax on purpose: it runs in the web view of Android 7.
(function () {
  'use strict';
  var said = document.body.getAttribute('data-offline') || '';

  function warn() {
    var old = document.querySelector('.warn-offline');
    if (old) { old.parentNode.removeChild(old); }
    var p = document.createElement('p');
    p.className = 'warn-offline';
    p.setAttribute('role', 'alert');
    p.textContent = said;
    document.body.appendChild(p);
    window.addEventListener('online', function () { if (p.parentNode) { p.parentNode.removeChild(p); } });
  }

  // What it costs to report: seconds and presses since the page was opened. It goes with the report and says nothing about who.
  var openedAt = Date.now();
  var taps = 0;
  var clickedAt = 0;
  document.addEventListener('click', function () {
    var now = Date.now();
    // A press on a label is told twice, by the label and at once by its field.
    if (now - clickedAt > 50) { taps += 1; }
    clickedAt = now;
  }, true);

  function effort(form, name, count) {
    var field = form.querySelector('input[name="' + name + '"]');
    if (!field) {
      field = document.createElement('input');
      field.type = 'hidden';
      field.name = name;
      form.appendChild(field);
    }
    // What a page that came back had counted before.
    if (!field.hasAttribute('data-before')) { field.setAttribute('data-before', field.value || '0'); }
    field.value = String(Number(field.getAttribute('data-before')) + count);
  }

  function measure(form) {
    if (!/\/reports$/.test(form.getAttribute('action') || '')) { return; }
    effort(form, 'effort.seconds', Math.max(1, Math.round((Date.now() - openedAt) / 1000)));
    effort(form, 'effort.taps', Math.max(1, taps));
  }

  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (navigator.onLine === false) {
      event.preventDefault();
      warn();
      return;
    }
    // A second tap within three seconds is the same tap; the server would know too, but the thumb should not wait twice.
    var now = Date.now();
    if (form.pressedAt && now - form.pressedAt < 3000) {
      event.preventDefault();
      return;
    }
    form.pressedAt = now;
    measure(form);
  });

  // Coming back by the back button must not find a dead form.
  window.addEventListener('pageshow', function (event) {
    if (event.persisted) { openedAt = Date.now(); taps = 0; }
    var forms = document.forms;
    for (var i = 0; i < forms.length; i += 1) { forms[i].pressedAt = 0; }
  });

  var boxes = document.querySelectorAll('textarea[data-most]');
  Array.prototype.forEach.call(boxes, function (box) {
    var most = Number(box.getAttribute('data-most'));
    var line = document.createElement('p');
    line.className = 'counted';
    box.parentNode.insertBefore(line, box.nextSibling);
    function count() {
      var n = Array.from ? Array.from(box.value).length : box.value.length;
      line.textContent = n + ' / ' + most;
      line.className = n > most ? 'counted over' : 'counted';
    }
    box.addEventListener('input', count);
    count();
  });
}());
