-- Answers the epoch, and whether somebody is at rebuilding.
return {'standing', redis.call('HGET', KEYS[1], 'e') or '', redis.call('EXISTS', KEYS[4])}
