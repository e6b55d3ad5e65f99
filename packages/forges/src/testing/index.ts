export { type AzureStandIn, type AzureThread, azureUser, startAzure } from './azure.ts';
export {
  type BitbucketComment,
  type BitbucketReport,
  type BitbucketStandIn,
  bitbucketUser,
  startBitbucket,
} from './bitbucket.ts';
export { type Call, type Reply, type StandIn, startStandIn } from './stand-in.ts';
