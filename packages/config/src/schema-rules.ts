import Type from 'typebox';
import { choice, closed, optional, text } from './schema-words.ts';

const glob = (description: string) => text(`${description} * stands for any characters.`);
/** What a drift rule can say of where it holds. */
export const ruleParts = {
  kind: optional(glob('Kind of the objects.')),
  name: optional(glob('Name of the objects.')),
  namespace: optional(glob('Namespace of the objects.')),
  pointers: optional(
    Type.Array(Type.String({ pattern: '^(/([^~/]|~[012])*)*$' }), {
      minItems: 1,
      description:
        'JSON pointers (RFC 6901), each with everything below it: /spec/replicas. A segment * is any key or element, ~1 a slash, ~0 a tilde, ~2 an asterisk; a named list element goes by its name too: /spec/template/spec/containers/web/image. "" is the whole object.',
    }),
  ),
  managers: optional(
    Type.Array(glob('Field manager that wrote the field.'), {
      minItems: 1,
      description: 'Only fields that one of these field managers wrote.',
    }),
  ),
  reason: optional(text('Why, for whoever reads the report.')),
};
/** What a drift rule is. */
export const ruleText =
  'A difference that is left alone: reported as ignored, moved by no deploy, sync or rollback. Everything that is given has to fit.';

/** `drift`. */
export const drift = Type.Object(
  {
    autoscalers: optional(
      choice(
        ['ignore', 'report'],
        'What HorizontalPodAutoscalers, KEDA and VerticalPodAutoscalers steer within their bounds: ignore where nothing is said.',
      ),
    ),
    ignore: optional(
      Type.Array(
        Type.Object(
          { ...ruleParts, release: optional(glob('Release of the objects.')) },
          { ...closed, description: ruleText },
        ),
        { description: 'Differences that are left alone.' },
      ),
    ),
  },
  { ...closed, description: 'What of the differences between cluster and releases counts as drift.' },
);

const { pointers: _pointers, ...whichObjects } = ruleParts;
/** One of `deploy.conflicts`. */
export const conflict = Type.Object(
  {
    ...whichObjects,
    managers: Type.Array(glob('Field manager that owns the field: argocd-controller.'), {
      minItems: 1,
      description: 'Field managers that the rule is about.',
    }),
    release: optional(glob('Release of the objects.')),
    decision: choice(
      ['take', 'refuse'],
      'take: the deploy makes the field its own; refuse: the plan is not carried out.',
    ),
    reason: optional(text('Why, for whoever reads the plan.')),
  },
  { ...closed, description: 'Whose fields a deploy takes over. Everything that is given has to fit.' },
);

const cel = (what: string) => Type.String({ minLength: 1, maxLength: 2_000, description: what });
/** One of `health`. */
export const health = Type.Object(
  {
    apiVersion: text('Group and version: cert-manager.io/v1.'),
    kind: text('Kind: Certificate.'),
    ready: optional(cel('CEL over the object’s fields: it is ready when this is true.')),
    failed: optional(cel('CEL: it will not become ready by itself when this is true.')),
    condition: optional(text('In place of ready: the condition of this type has to be True.')),
  },
  { ...closed, description: 'How objects of a kind tell that they are ready.' },
);
