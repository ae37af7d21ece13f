using System.CommandLine;
using Marrow.Shared;

namespace Marrow.Tool.CommandLine;

/// <summary>What is wrong with a command line, in a sentence that names what was probably meant.</summary>
internal static class ParseFault
{
    /// <summary>The first fault, or null.</summary>
    public static string? Find(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;

        // What looks like an option and is none would be taken for an argument.
        var taken = command.Arguments
            .SelectMany(argument => parsed.GetResult(argument)?.Tokens ?? [])
            .Select(token => token.Value)
            .Where(text => text.Length > 1 && text[0] == '-' && !File.Exists(text));
        if (taken.Concat(parsed.UnmatchedTokens).FirstOrDefault() is { } token)
        {
            var options = command.Options.Concat(
                parsed.RootCommandResult.Command.Options.Where(option => option.Recursive));
            return token.StartsWith('-') ? Unknown(
                    $"{command.Name} has no option '{token}'", token, options.Select(option => option.Name))
                : command.Subcommands.Count > 0 ? Unknown(
                    $"There is no verb '{token}'", token, command.Subcommands.Select(verb => verb.Name))
                : $"'{token}' is one argument too many for {command.Name}; quote a path that has spaces.";
        }

        if (parsed.Errors.Count == 0)
        {
            return null;
        }

        var missing = command.Arguments.FirstOrDefault(argument =>
            argument.Arity.MinimumNumberOfValues > (parsed.GetResult(argument)?.Tokens.Count ?? 0));
        var needed = missing is not null ? missing.HelpName ?? missing.Name
            : command.Options.FirstOrDefault(
                option => option.Required && (parsed.GetResult(option)?.Tokens.Count ?? 0) == 0)?.Name;
        return needed is null
            ? parsed.Errors[0].Message
            : $"{command.Name} needs {needed}; marrow {command.Name} --help shows an example.";
    }

    /// <summary>A fault with the nearest of the names that are known, or all of them if none is near.</summary>
    public static string Unknown(string fault, string text, IEnumerable<string> known)
    {
        var names = known.ToList();
        return Suggestion.Nearest(text, names) is { } near
            ? $"{fault}; did you mean '{near}'?"
            : $"{fault}; there are {string.Join(", ", names)}.";
    }
}
