// Domains that hand out mailboxes to anybody for a few minutes. What is below one counts too. The list is short: those
// that are met most; an operator adds others in the setting `blocked`, or puts a list that somebody maintains here.

export const disposable = new Set([
  '0-mail.com', '10minutemail.com', '10minutemail.net', '20minutemail.com', '33mail.com', 'anonbox.net',
  'burnermail.io', 'byom.de', 'deadaddress.com', 'discard.email', 'discardmail.com', 'dispostable.com', 'dropmail.me',
  'emailfake.com', 'emailondeck.com', 'fakeinbox.com', 'fakemailgenerator.com', 'filzmail.com', 'getairmail.com',
  'getnada.com', 'grr.la', 'guerrillamail.biz', 'guerrillamail.com', 'guerrillamail.de', 'guerrillamail.info',
  'guerrillamail.net', 'guerrillamail.org', 'guerrillamailblock.com', 'inboxkitten.com', 'jetable.org', 'mail-temp.com',
  'mailcatch.com', 'maildrop.cc', 'mailexpire.com', 'mailinator.com', 'mailinator.net', 'mailinator2.com',
  'mailmoat.com', 'mailnesia.com', 'mailnull.com', 'mailpoof.com', 'mailsac.com', 'meltmail.com', 'mintemail.com',
  'moakt.com', 'mohmal.com', 'mytemp.email', 'mytrashmail.com', 'nowmymail.com', 'pokemail.net', 'sharklasers.com',
  'sogetthis.com', 'spam4.me', 'spambog.com', 'spambox.us', 'spamgourmet.com', 'temp-mail.io', 'temp-mail.org',
  'tempail.com', 'tempinbox.com', 'tempmail.net', 'tempmailaddress.com', 'tempr.email', 'throwawaymail.com',
  'trash-mail.com',
  'trashmail.com', 'trashmail.de', 'trashmail.net', 'trbvm.com', 'wegwerfmail.de', 'yopmail.com', 'yopmail.fr',
  'yopmail.net',
]);
