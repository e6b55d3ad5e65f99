#!/bin/sh
# Stores what make.sh made, never replacing an authority the cluster has, and publishes the trust bundle.
set -euf
cd /work

exists() { test -n "$(kubectl get "$1" "$2" --namespace "$NAMESPACE" --ignore-not-found --output name)"; }
apply() { kubectl apply --server-side --force-conflicts --field-manager local-ca --filename "$1"; }

if [ "$MODE" = job ] && ! exists secret "$ISSUING_SECRET"; then
  # A root without its intermediate is what a killed attempt left; nothing was signed with it.
  kubectl delete secret "$ROOT_SECRET" --namespace "$NAMESPACE" --ignore-not-found
  kubectl create secret tls "$ROOT_SECRET" --namespace "$NAMESPACE" --cert root.crt --key root.key
  kubectl create secret generic "$ISSUING_SECRET" --namespace "$NAMESPACE" --type kubernetes.io/tls \
    --from-file tls.crt=chain.crt --from-file tls.key=issuing.key --from-file ca.crt=root.crt
fi

for certificate in $CERTIFICATES; do
  secret=${certificate%%=*}
  kubectl create secret generic "$secret" --namespace "$NAMESPACE" --type kubernetes.io/tls \
    --from-file "tls.crt=$secret.crt" --from-file "tls.key=$secret.key" --from-file ca.crt=root.crt \
    --dry-run=client --output yaml > "$secret.yaml"
  apply "$secret.yaml"
done

if [ "$TRUST" = true ]; then
  if [ "$MODE" = cert-manager ]; then
    kubectl wait "certificate/$ISSUING_SECRET" --namespace "$NAMESPACE" --for condition=Ready --timeout "${TIMEOUT}s"
  fi
  kubectl get secret "$ISSUING_SECRET" --namespace "$NAMESPACE" \
    --output 'go-template={{index .data "ca.crt" | base64decode}}' > bundle.crt
  for namespace in $TRUST_NAMESPACES; do
    kubectl create configmap "$TRUST_CONFIG_MAP" --namespace "$namespace" \
      --from-file "$TRUST_KEY=bundle.crt" --dry-run=client --output yaml > trust.yaml
    apply trust.yaml
  done
fi
