#Requires -Version 5.1
<#
.SYNOPSIS
  Keeps a WSL2 distribution running, so that the cluster and the runner inside it stay up.

.DESCRIPTION
  Windows stops a WSL2 distribution when no wsl.exe holds a session in it, whatever runs inside and whatever
  vmIdleTimeout says. This registers a scheduled task for the current user that starts at logon, holds one session
  open (sleep infinity, in a console window that may be minimised) and is
  started again when it ends. Running the script again replaces the task.

.PARAMETER Distribution
  The distribution, as `wsl --list` names it.

.PARAMETER Remove
  Removes the task instead.

.EXAMPLE
  .\keep-wsl-alive.ps1 -Distribution Ubuntu-24.04
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  [ValidatePattern('^[A-Za-z0-9._-]+$')]
  [string] $Distribution = 'Ubuntu',
  [switch] $Remove
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$taskName = "Keep WSL alive ($Distribution)"

if ($Remove) {
  if ($PSCmdlet.ShouldProcess($taskName, 'Remove the scheduled task')) {
    Unregister-ScheduledTask -TaskName $taskName -Confirm:$false
  }
  return
}

# wsl.exe writes UTF-16 unless told otherwise.
$env:WSL_UTF8 = '1'
$installed = @(wsl.exe --list --quiet | ForEach-Object { $_.Trim() } | Where-Object { $_ })
if ($installed -notcontains $Distribution) {
  throw "There is no WSL distribution called $Distribution. Installed: $($installed -join ', ')."
}

$user = [System.Security.Principal.WindowsIdentity]::GetCurrent().Name
$action = New-ScheduledTaskAction -Execute "$env:SystemRoot\System32\wsl.exe" -Argument "--distribution $Distribution --exec sleep infinity"
$trigger = New-ScheduledTaskTrigger -AtLogOn -User $user
$settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
  -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -MultipleInstances IgnoreNew
$principal = New-ScheduledTaskPrincipal -UserId $user -LogonType Interactive -RunLevel Limited

if ($PSCmdlet.ShouldProcess($taskName, 'Register and start the scheduled task')) {
  Register-ScheduledTask -TaskName $taskName -Action $action -Trigger $trigger -Settings $settings -Principal $principal -Force | Out-Null
  Start-ScheduledTask -TaskName $taskName
  Write-Output "$Distribution stays up while $user is logged on. Undo with: .\keep-wsl-alive.ps1 -Distribution $Distribution -Remove"
}
